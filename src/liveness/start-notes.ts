import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import type { StartContext } from '../sites/request.js';

const fileName = 'starts.json';

/** How a waiting start is written down. */
export const waitingNote = z.object({
  handle: z.string(),
  stamp: z.string(),
  uri: z.string(),
  context: z.object({
    remote: z.string(),
    remotePort: z.number(),
    headers: z.record(z.string(), z.string()),
    prefix: z.string(),
  }),
});

const notes = z.object({
  /** Names of service hosts whose starts came to us, by site. */
  hosts: z.record(z.string(), z.array(z.string())),
  waiting: z.array(waitingNote),
});
type Notes = z.infer<typeof notes>;

/** A waiting start as it is written down. */
export interface WaitingNote {
  readonly handle: string;
  readonly stamp: string;
  /** Address of the site that the start came to. */
  readonly uri: string;
  readonly context: StartContext;
}

/**
 * What the rows do not say about starts, kept over a restart: which service hosts
 * a proxy rule sends to us, and language and address of those that wait. Without
 * this file they run under the defaults of their site; nothing is lost with it.
 */
export class StartNotes {
  readonly #file: string;
  #hosts = new Map<string, Set<string>>();
  readonly #waiting = new Map<string, WaitingNote>();
  #writing: Promise<void> = Promise.resolve();

  /** @param dir state directory */
  constructor(dir: string) {
    this.#file = join(dir, fileName);
  }

  /** Reads what the last daemon left; an unreadable file is no file. */
  async load(): Promise<void> {
    let read: Notes;
    try {
      read = notes.parse(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch {
      return;
    }
    this.#hosts = new Map(Object.entries(read.hosts).map(([site, names]) => [site, new Set(names)]));
    this.#keep(read.waiting);
  }

  /** Names of service hosts whose starts have come to us. */
  hostsOf(site: string): readonly string[] {
    return [...(this.#hosts.get(site) ?? [])];
  }

  /** Remembers that starts of this service host come to us. */
  noteHost(site: string, name: string): void {
    const names = this.#hosts.get(site) ?? new Set<string>();
    if (name === '' || names.has(name)) {
      return;
    }
    this.#hosts.set(site, names.add(name));
    void this.save([...this.#waiting.values()]);
  }

  /** What was written down about a waiting start. */
  find(handle: string, stamp: string): WaitingNote | undefined {
    return this.#waiting.get(`${stamp} ${handle}`);
  }

  /** Writes down what waits now. */
  async save(waiting: readonly WaitingNote[]): Promise<void> {
    // Kept for the next writing, too: a crash must not lose what the last daemon wrote down.
    this.#keep(waiting);
    const content: Notes = {
      hosts: Object.fromEntries([...this.#hosts].map(([site, names]) => [site, [...names]])),
      // Field by field: what is handed in may be more than a note, and holds secrets.
      waiting: waiting.map(({ handle, stamp, uri, context: { remote, remotePort, headers, prefix } }) => ({
        handle,
        stamp,
        uri,
        context: { remote, remotePort, headers: { ...headers }, prefix },
      })),
    };
    this.#writing = this.#writing
      .then(async () => {
        // Whole or not at all: a reader never sees half a file.
        await writeFile(`${this.#file}.new`, JSON.stringify(content), { mode: 0o600 });
        await rename(`${this.#file}.new`, this.#file);
      })
      .catch(() => undefined);
    await this.#writing;
  }

  #keep(waiting: readonly WaitingNote[]): void {
    this.#waiting.clear();
    for (const note of waiting) {
      this.#waiting.set(`${note.stamp} ${note.handle}`, note);
    }
  }
}
