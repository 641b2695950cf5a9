import { setTimeout as pause } from 'node:timers/promises';
import type { Caller } from '../harness/caller.js';
import type { BootedSite } from '../harness/booted-site.js';
import type { CreatedItem } from './queue-oracle.js';
import type { PlannedItem } from './queue-plan.js';

/** Milliseconds between two tries while the database is away. */
const retryPause = 300;

/** Tries to boot the site until the run is given up. */
const bootTries = 100;

/** Puts items into queues as the code of the site would, one batch after another. */
export class Producer {
  readonly created: CreatedItem[] = [];
  readonly #site: BootedSite;
  #caller: Promise<Caller> | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(site: BootedSite) {
    this.#site = site;
  }

  /** Puts a batch in line. */
  add(items: readonly PlannedItem[]): void {
    this.#work = this.#work.then(() => this.#create([...items]));
  }

  /** Waits until all are created. */
  async settled(): Promise<void> {
    await this.#work;
    await (await this.#caller)?.close();
    this.#caller = undefined;
  }

  async #create(items: PlannedItem[]): Promise<void> {
    while (items.length > 0) {
      const there = await this.#ask(items);
      const tried = items.splice(0, there.length);
      tried.forEach(({ label, queue }, index) => {
        this.created.push({ label, queue, uncertain: there[index] !== true });
      });
      const failed = there.at(-1) === true ? undefined : tried.at(-1);
      if (failed) {
        // Under another name: what this try has left is not known.
        items.unshift({ ...failed, label: `${failed.label}-again` });
        await pause(retryPause);
      }
    }
  }

  /** What of them is there. */
  async #ask(items: readonly PlannedItem[]): Promise<boolean[]> {
    const caller = await this.#booted();
    return caller.php<boolean[]>(
      'return drupald_fixture_torture_enqueue($args);',
      items.map(({ queue, label, mood, ms }) => [queue, label, mood, ms]),
    );
  }

  async #booted(): Promise<Caller> {
    for (let tries = 1; ; tries += 1) {
      this.#caller ??= this.#site.caller();
      try {
        return await this.#caller;
      } catch (error) {
        // The database is away.
        this.#caller = undefined;
        if (tries >= bootTries) throw error;
        await pause(retryPause);
      }
    }
  }
}
