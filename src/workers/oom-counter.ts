import { readFile } from 'node:fs/promises';

/** Milliseconds for which a kill that was counted waits for the death that it explains: several may die together. */
const together = 5_000;

/**
 * Whether the kernel has killed processes because memory ran short, by its own counters.
 *
 * Those of our control group where there is one: the machine's would count the
 * processes of others, too.
 */
export class OomCounter {
  readonly #root: string;
  #last: Promise<number | undefined>;
  /** Kills that were counted and explain no death yet, and until when they may. */
  #open = { kills: 0, until: 0 };

  /** @param root folder below which `proc` and `sys` are found */
  constructor(root = '/') {
    this.#root = root;
    this.#last = this.#read();
  }

  /** Whether it has happened once more than was asked for: each kill explains one death. */
  async hasRisen(): Promise<boolean> {
    const last = this.#last;
    const current = this.#read();
    this.#last = current;
    const [before, now] = await Promise.all([last, current]);
    const risen = before === undefined || now === undefined ? 0 : Math.max(0, now - before);
    if (performance.now() > this.#open.until) {
      this.#open.kills = 0;
    }
    if (risen > 0) {
      this.#open = { kills: this.#open.kills + risen, until: performance.now() + together };
    }
    if (this.#open.kills === 0) {
      return false;
    }
    this.#open.kills -= 1;
    return true;
  }

  async #read(): Promise<number | undefined> {
    const text = (await this.#ofGroup()) || (await this.#text('proc/vmstat'));
    const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  }

  /** Counters of our control group, of the second version or the first; '' where there is none. */
  async #ofGroup(): Promise<string> {
    const groups = await this.#text('proc/self/cgroup');
    const second = /^0::(\/.*)$/m.exec(groups)?.[1];
    const events = second === undefined ? '' : await this.#text(`sys/fs/cgroup${second}/memory.events`);
    const first = /^\d+:(?:\w+,)*memory(?:,\w+)*:(\/.*)$/m.exec(groups)?.[1];
    return events || (first === undefined ? '' : this.#text(`sys/fs/cgroup/memory${first}/memory.oom_control`));
  }

  async #text(path: string): Promise<string> {
    return readFile(`${this.#root}${path}`, 'utf8').catch(() => '');
  }
}
