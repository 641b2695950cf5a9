import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessRow, Site } from '../harness/site.js';

/** Milliseconds between two looks. */
const interval = 25;

/** Looks again and again which rows there are: the moment in which each went. */
export class RowClock {
  /** Seconds since 1970 at which the row of a handle was first missed. */
  readonly gone = new Map<string, number>();
  readonly #site: Site;
  #present = new Set<string>();
  #stopped = false;
  readonly #work: Promise<void>;

  constructor(site: Site) {
    this.#site = site;
    this.#work = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const rows = await this.#site
        .sql<{ handle: string }>('SELECT handle FROM {background_process}')
        .catch(() => undefined);
      if (rows) {
        const now = Date.now() / 1000;
        const present = new Set(rows.map(({ handle }) => handle));
        for (const handle of this.#present) {
          if (!present.has(handle)) {
            this.gone.set(handle, now);
          }
        }
        this.#present = present;
      }
      await pause(interval);
    }
  }
}

/** Rows that are left; not those of a chain whose link died between making its row and asking for its start: the site cleans up such. */
export async function remaining(site: Site): Promise<{ rows: ProcessRow[]; unasked: ProcessRow[] }> {
  const all = await site.sql<ProcessRow>('SELECT * FROM {background_process}');
  const half = (row: ProcessRow): boolean => row.exec_status === 1 && (row.token === '' || row.service_host === '');
  return { rows: all.filter((row) => !half(row)), unasked: all.filter(half) };
}
