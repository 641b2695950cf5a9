import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Deferred } from '../support/deferred.js';
import { FileWatch } from './file-watch.js';
import { Forker, type ForkerPlace } from './forker.js';
import { zygoteMessage, type ZygoteJob } from './protocol.js';
import type { Worker } from './worker.js';
import type { WorkerSocket } from './worker-socket.js';

/** A PHP process that has loaded a site and only forks workers of it (design decision 1). */
export interface Zygote {
  readonly forker: Forker;
  /** The request under which it was made. */
  readonly server: Readonly<Record<string, string>>;
  /** What it was made from. */
  readonly files: FileWatch;
  /** Monotonic milliseconds at which it began to load the site. */
  readonly bornAt: number;
  /** Milliseconds that it took. */
  readonly bootMs: number;
  /** Keys of $_SERVER that the settings read and that differ between starts; "*": unknown. */
  readonly reads: readonly string[];
  /** Whether a run of this request may be forked from it: its settings read nothing that differs. */
  fits(server: Readonly<Record<string, string>>): boolean;
}

/**
 * Makes a worker a zygote.
 *
 * @param timeout milliseconds that it gets to load the site
 * @throws Error with the reason in a sentence: the processes of the site must boot for themselves
 */
export async function startZygote(
  worker: Worker,
  job: ZygoteJob,
  socket: WorkerSocket,
  place: ForkerPlace,
  timeout: number,
): Promise<Zygote> {
  const bornAt = performance.now();
  const since = Date.now();
  const answer = new Deferred<{ bootMs: number; files: string[]; reads: string[] }>();
  worker.connection.onMessage((raw) => {
    const parsed = zygoteMessage.safeParse(raw);
    if (!parsed.success) {
      return;
    }
    const message = parsed.data;
    if (message.type === 'ready') {
      answer.resolve(message);
    } else {
      answer.reject(new Error(message.type === 'unfit' ? message.reason : (message.message ?? 'unknown reason')));
    }
  });
  worker.connection.send(job);
  const timer = setTimeout(() => {
    worker.kill('SIGKILL');
    answer.reject(new Error(`the site took longer than ${timeout / 1000} s to load`));
  }, timeout);
  void worker.ended.then(() => {
    answer.reject(new Error('the process ended while it loaded the site'));
    void rm(job.log, { force: true });
  });
  let ready;
  try {
    ready = await answer.promise;
  } finally {
    clearTimeout(timer);
  }
  const forker = new Forker(socket, worker.connection, place);
  void worker.ended.then(() => forker.orphan());
  const { reads, files, bootMs } = ready;
  return {
    forker,
    server: job.server,
    // The root itself: where it is a link, the files of the release that it led to stay as they are.
    files: new FileWatch([...files, job.root, join(job.root, 'sites'), ...settingsFolders(files)], since),
    bornAt,
    bootMs,
    reads,
    fits: (server) => readsSame(reads, server, job.server),
  };
}

/** Whether two requests are the same in what settings read of them; never, when it cannot be told what that is. */
export function readsSame(
  reads: readonly string[],
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  return reads.every((name) => name !== '*' && one[name] === other[name]);
}

/** A settings file beside the ones that were read changes what a site is. */
function settingsFolders(files: readonly string[]): string[] {
  return files.filter((file) => file.endsWith('/settings.php')).map((file) => file.slice(0, -'/settings.php'.length));
}
