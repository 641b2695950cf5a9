import { randomUUID } from 'node:crypto';

import type { Ending } from '../outcome/past-runs.js';
import { cancelled } from '../process/outcome.js';
import { ultimateJobCallback } from '../process/own-callback.js';
import { errandPlace } from '../scheduler/errand-place.js';
import type { RunRecord } from '../scheduler/run-record.js';
import { stopRun } from '../scheduler/stop-run.js';
import { Backoff } from '../support/backoff.js';
import type { JobToClose, UltimateJob, UltimateJobs } from '../workers/protocol.js';
import { closeUltimateJob, launchUltimateJob, readUltimateJobs } from '../workers/ultimate-jobs.js';
import type { OpenLog, PendingJob } from './ultimate-book.js';
import { runsOf, type JobEnd, type UltimateWay, type WayTools } from './ultimate-way.js';

/** Before the name of a job in the handle of its process, where the row is not its lock. */
const prefix = 'drupald_cron:';

/** The launcher whose lock is the row of the process, and how it names the row. */
const byProcess = { name: 'background_process_legacy', prefix: 'uc-' };

/** The callback by which that launcher runs jobs itself. */
const launcherCallback = 'UltimateCronBackgroundProcessLegacyLauncher::job_callback';

/** How often a job that died is closed until that is given up. */
const closings = 8;

/** Seconds by which the log of a run may be older than its row. */
const tolerance = 2;

/** Ultimate Cron 2.x: each job under the lock of its launcher, with a log that its worker opens. */
export class UltimateTwo implements UltimateWay {
  readonly callback = ultimateJobCallback;
  readonly callbacks = [ultimateJobCallback, launcherCallback];
  readonly #tools: WayTools;
  readonly #closing = new Set<Promise<void>>();

  constructor(tools: WayTools) {
    this.#tools = tools;
  }

  handleOf(job: UltimateJob): string {
    return `${this.isRow(job) ? byProcess.prefix : prefix}${job.name}`;
  }

  jobOf(handle: string): string {
    const found = [prefix, byProcess.prefix].find((one) => handle.startsWith(one)) ?? '';
    return handle.slice(found.length);
  }

  isRow({ launcher }: UltimateJob): boolean {
    return launcher === byProcess.name;
  }

  argsOf({ job, due }: PendingJob): readonly unknown[] {
    const { site, options } = this.#tools;
    const lock = this.isRow(job) ? `${job.name}:bgpl${randomUUID()}` : '';
    return [job.name, lock, { due: due / 1000, seen: job.last, queues: options.queuesOf(site) }];
  }

  read(): Promise<UltimateJobs> {
    const { site, options } = this.#tools;
    return readUltimateJobs(errandPlace(site, options.bus, options.bootTimeout), 2);
  }

  async launch(job: string): Promise<void> {
    const { site, options } = this.#tools;
    await launchUltimateJob(errandPlace(site, options.bus, options.bootTimeout), 2, job);
  }

  others(launcher: string): number {
    return launcher === byProcess.name ? runsOf(this.#tools, launcherCallback).length : 0;
  }

  async keep(now: number): Promise<void> {
    const { site, options, book } = this.#tools;
    if (book.told?.locksHere !== true) return;
    const locks = new Map(
      runsOf(this.#tools, this.callback).flatMap((record) =>
        this.#serialLock(record).map((lock) => [lock, record] as const),
      ),
    );
    const held = await site.ultimate.held([...locks.keys()]);
    for (const [lock, record] of locks) {
      const started = book.started.get(record.dispatch.handle);
      if (!held.has(lock)) {
        // Not while it ends, and frees its lock itself.
        if (record.state === 'running' && record.steps.at(-1) !== '') {
          const who = 'somebody who unlocked the job in Drupal while it ran';
          void stopRun(record, cancelled(ultimateJobCallback, who, undefined), options.killGrace);
        }
      } else if (started && Date.now() - started.renewedAt >= Math.min(30_000, started.lockTimeout * 250)) {
        started.renewedAt = Date.now();
        await site.ultimate.renew(lock, now + started.lockTimeout);
      }
    }
  }

  closeLog({ name, lock }: OpenLog): void {
    const sentence = 'The process that ran this job has gone without closing its log.';
    void this.#close({ name, lock, sentence, since: 0, until: Date.now() / 1000 });
  }

  ended({ run, steps = [] }: Ending): JobEnd | undefined {
    const own = run.callback === ultimateJobCallback;
    if (!own && !(run.callback === launcherCallback && run.outcome !== 'completed')) return undefined;
    const name = this.jobOf(run.handle);
    const lock = steps[0] ?? this.#tools.book.started.get(run.handle)?.lock ?? '';
    // An exit() in the job looks like an end without a fault, but it has not come to its last step.
    const died = own ? steps.at(-1) !== '' : true;
    const sentence = run.sentence || 'The job ended by exit().';
    const since = (run.created ?? run.accepted) - tolerance;
    const closed = died ? this.#close({ name, lock, sentence, since, until: run.ended }) : undefined;
    return {
      name,
      closed,
      outcome: died && lock !== '' && run.outcome === 'completed' ? 'exited' : run.outcome,
      unbegun: own && steps.length === 0 && run.outcome !== 'completed',
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Frees the lock of a job that died and closes its log, in the background. */
  #close(what: JobToClose): Promise<void> {
    const closing = this.#closeInTheEnd(what).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
  }

  async #closeInTheEnd(what: JobToClose): Promise<void> {
    const { site, options } = this.#tools;
    const backoff = new Backoff({ firstMs: 250, maxMs: 10_000 });
    for (let attempt = 1; ; attempt += 1) {
      try {
        await closeUltimateJob(errandPlace(site, options.bus, options.bootTimeout), what);
        return;
      } catch (error) {
        if (attempt === closings || options.taker.closed) {
          const reason = error instanceof Error ? error.message : String(error);
          options.bus.emit('cron.not-closed', { site: site.name, job: what.name, reason });
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff.next()));
      }
    }
  }

  /** The number of the lock that a job of the serial launcher has taken, before this daemon or under it. */
  #serialLock(record: RunRecord): number[] {
    const lock = record.steps[0] ?? this.#tools.book.started.get(record.dispatch.handle)?.lock ?? '';
    const match = /^serial-(\d+)$/.exec(lock);
    return match ? [Number(match[1])] : [];
  }
}
