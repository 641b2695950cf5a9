import { readFile } from 'node:fs/promises';

/**
 * Whether the kernel has killed processes because memory ran short, by its own counters.
 *
 * Those of our control group where there is one: the machine's would count the
 * processes of others, too.
 */
export class OomCounter {
  readonly #root: string;
  #last: Promise<number | undefined>;

  /** @param root folder below which `proc` and `sys` are found */
  constructor(root = '/') {
    this.#root = root;
    this.#last = this.#read();
  }

  /** Whether it has happened since the last call. */
  async hasRisen(): Promise<boolean> {
    const before = await this.#last;
    this.#last = this.#read();
    const now = await this.#last;
    return before !== undefined && now !== undefined && now > before;
  }

  async #read(): Promise<number | undefined> {
    const group = /^0::(\/.*)$/m.exec(await this.#text('proc/self/cgroup'))?.[1];
    const events = group === undefined ? '' : await this.#text(`sys/fs/cgroup${group}/memory.events`);
    const text = events || (await this.#text('proc/vmstat'));
    const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  }

  async #text(path: string): Promise<string> {
    return readFile(`${this.#root}${path}`, 'utf8').catch(() => '');
  }
}
