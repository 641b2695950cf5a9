import type { BootedSite } from './booted-site.js';
import type { Bench } from './bench.js';
import type { FixtureSet } from './batch-browser.js';
import { detail, events } from './fixture-log.js';
import { waitFor } from './wait.js';

/** What the callback of a set was told. */
export interface Over {
  readonly success: boolean;
  readonly results: readonly (string | number)[];
  readonly left: number;
  readonly uid: number;
}

/** Gives a site German beside English, by a prefix of the path, and one text of the fixture in it. */
export async function addGerman(site: BootedSite): Promise<void> {
  await site.php(`require_once DRUPAL_ROOT . '/includes/locale.inc';
    require_once DRUPAL_ROOT . '/includes/language.inc';
    locale_add_language('de', 'German', 'Deutsch', LANGUAGE_LTR, '', 'de');
    language_negotiation_set(LANGUAGE_TYPE_INTERFACE, array(LOCALE_LANGUAGE_NEGOTIATION_URL => 0, LANGUAGE_NEGOTIATION_DEFAULT => 1));
    variable_set('locale_custom_strings_de', array('' => array('Operation @number says @text' => 'Vorgang @number sagt @text')));
    drupal_flush_all_caches();
    return TRUE;`);
}

/** 1 to a number. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** A set of the fixture with so many operations, some of them in a mood. */
export function set(label: string, count: number, moods: Readonly<Record<number, string>> = {}): FixtureSet {
  return { label, operations: numbers(count).map((number) => [number, moods[number] ?? '']) };
}

/** What the batches of a bench have done. */
export class BatchSights {
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** Numbers of the operations that began, in order. */
  async begun(label: string): Promise<number[]> {
    return (await events(this.#bench.site, label, 'operation')).map(({ detail: number }) => Number(number));
  }

  /** Waits until an operation has begun; the process that it runs in. */
  async workerAt(label: string, number: number): Promise<number> {
    const found = await waitFor(
      async () =>
        (await events(this.#bench.site, label, 'operation')).find(({ detail: begun }) => Number(begun) === number),
      { what: `operation ${number} of ${label}` },
    );
    return found.pid;
  }

  /** What the callbacks were told, in order. */
  async overs(label: string): Promise<Over[]> {
    return (await events(this.#bench.site, label, 'finished')).map((one) => detail(one) as Over);
  }

  /** The progress that the page of a batch shows. */
  async progress(id: number): Promise<{ progress: number; message: string } | undefined> {
    return (
      await this.#bench.site.sql<{ progress: number; message: string }>('SELECT * FROM {progress} WHERE name = ?', [
        `_background_batch:${id}`,
      ])
    )[0];
  }

  /** Waits until a batch has come to its end in the daemon. */
  async finishedHere(id: number, limitMs?: number): Promise<void> {
    const { site } = this.#bench;
    await waitFor(
      async () =>
        (await site.sql('SELECT 1 FROM {progress} WHERE name = ? AND end_stamp > 0', [`_background_batch:${id}`]))
          .length > 0,
      {
        what: `batch ${id} to be finished`,
        ...(limitMs === undefined ? {} : { limitMs }),
        seen: async () => ({
          progress: await this.progress(id).catch(() => undefined),
          lines: this.#bench.daemon.lines.slice(-8),
        }),
      },
    );
  }
}
