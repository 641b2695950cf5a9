import { setTimeout as pause } from 'node:timers/promises';

import type { Ending } from '../outcome/past-runs.js';
import { cancelled } from '../process/outcome.js';
import { cronHookCallback } from '../process/own-callback.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot, type OwnStart } from '../scheduler/start-own.js';
import { databaseReason } from '../store/database.js';
import type { TurnAnswer } from '../workers/protocol.js';
import type { CronTools } from './cron-tools.js';

/** Before the name of a module in the handle of its hook's process. */
const prefix = 'drupald_cron:';

/** Milliseconds between two tries while the last process of a module has not gone yet. */
const again = 500;

/** A module's turn in a cron run that waits for it. */
interface Turn {
  readonly parent: RunRecord;
  readonly handle: string;
  /** Whether its process has been given to the scheduler. */
  begun: boolean;
  readonly answer: (answer: TurnAnswer) => void;
}

/**
 * Runs the hooks of cron runs as processes of their own, one after another. The run itself
 * waits meanwhile: it has the lock, and stays in the site's own drupal_cron_run().
 */
export class CronTurns {
  readonly #tools: CronTools;
  readonly #turns = new Map<ServedSite, Turn>();

  constructor(tools: CronTools) {
    this.#tools = tools;
  }

  /** A cron run asks for the hook of a module; it is told how that ended, or to call the hook itself. */
  async take(parent: RunRecord, module: string, answer: (answer: TurnAnswer) => void): Promise<void> {
    const { site } = parent.dispatch;
    const turn: Turn = { parent, handle: `${prefix}${module}`, begun: false, answer };
    this.#turns.set(site, turn);
    const reason = await this.#start(turn, module);
    if (reason !== undefined && this.#turns.get(site) === turn) {
      this.#over(site, { type: 'turn-refused', reason });
    }
    turn.begun = true;
  }

  /** A run has ended; whichever. */
  ended({ run }: Ending): void {
    if (run.callback !== cronHookCallback) return;
    for (const [site, turn] of this.#turns) {
      if (site.name === run.site && turn.handle === run.handle) {
        this.#over(site, { type: 'turn-over', outcome: run.outcome, sentence: run.sentence });
      }
    }
  }

  /** Answers for a process that was dropped before it began. Throws what the database throws. */
  async look(site: ServedSite): Promise<void> {
    const turn = this.#turns.get(site);
    if (!turn?.begun || this.#runs(site).some(({ dispatch }) => dispatch.handle === turn.handle)) return;
    const rows = await site.store.find([turn.handle]);
    const isThere = (): boolean =>
      rows.some(({ handle }) => handle === turn.handle) ||
      this.#runs(site).some(({ dispatch }) => dispatch.handle === turn.handle);
    if (this.#turns.get(site) === turn && !isThere()) {
      this.#over(site, { type: 'turn-over', outcome: 'lost', sentence: 'Its process was removed before it began.' });
    }
  }

  /** The cron run of a site has ended: what it waited for ends, too. Resolves when that is dead. */
  async leave(site: ServedSite): Promise<void> {
    this.#turns.delete(site);
    await Promise.all(
      this.#runs(site).map(({ dispatch }) =>
        this.#tools.stop(site, dispatch.handle, (callback) =>
          cancelled(callback, 'drupald, because the cron run that it belonged to has ended', undefined),
        ),
      ),
    );
  }

  /** Why the hook has no process; undefined: it has. */
  async #start({ parent, handle }: Turn, module: string): Promise<string | undefined> {
    const { taker, hostsOf } = this.#tools;
    const { site } = parent.dispatch;
    const process = { handle, callback: cronHookCallback, serviceHost: hostsOf(site)[0] ?? '' };
    try {
      for (;;) {
        const started: OwnStart = taker.closed ? 'stopping' : await startOwn(taker, site, process, [module]);
        if (started !== 'there') return whyNot(started, handle);
        // That of the run before, which is being ended.
        await pause(again, undefined, { ref: false });
        if (this.#turns.get(site)?.parent !== parent) return undefined;
      }
    } catch (error) {
      return databaseReason(error);
    }
  }

  #over(site: ServedSite, answer: TurnAnswer): void {
    this.#turns.get(site)?.answer(answer);
    this.#turns.delete(site);
  }

  /** Hooks of a site that run as processes. */
  #runs(site: ServedSite): RunRecord[] {
    return this.#tools
      .running()
      .filter(({ dispatch }) => dispatch.site === site && dispatch.callback === cronHookCallback);
  }
}
