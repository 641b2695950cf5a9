import { readFile } from 'node:fs/promises';

import { parseJson } from '../support/json.js';
import { runMessage } from '../workers/protocol.js';
import type { RunRecord } from './run-record.js';
import { claimInRow } from './silent-claim.js';

/** Looks at the file of a worker for one at its row, as long as it is not known to be claimed. */
const looksForRow = 10;

/**
 * Hears of a living worker what must be known before its end, although it speaks to nobody:
 * its claim, from which on it has limits and can be unlocked, that it has changed its row itself, and its steps.
 */
export class Eavesdropper {
  readonly #record: RunRecord;
  readonly #spool: string;
  #looks = 0;

  /** @param spool file to which it writes what it cannot say */
  constructor(record: RunRecord, spool: string) {
    this.#record = record;
    this.#spool = spool;
  }

  /** To be called again and again; what the files and the database do not tell now they may tell later. */
  async listen(): Promise<void> {
    const lines = await readFile(this.#spool, 'utf8').catch(() => '');
    for (const line of lines.split('\n')) {
      const { data } = runMessage.safeParse(parseJson(line));
      if (data?.type === 'row-touched' || data?.type === 'step') {
        this.#record.hear(data);
      } else if (data?.type === 'claimed') {
        this.#claimed(data.stamp, data.lock);
      }
    }
    if (this.#record.claimStamp === undefined) {
      // Its word was on the way when the last daemon died: it is not repeated before its next.
      // The first look is at once: whoever unlocks it may do so before another one.
      if (this.#looks % looksForRow === 0) {
        this.#claimed(await claimInRow(this.#record).catch(() => undefined));
      }
      this.#looks += 1;
    }
  }

  #claimed(stamp: string | undefined, lock = ''): void {
    if (stamp !== undefined && this.#record.claimStamp === undefined) {
      this.#record.follow({ type: 'claimed', stamp, lock, listeners: 0, connections: [] });
      this.#record.claimed(Number(stamp) * 1000);
    }
  }
}
