import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Daemon, type DaemonOptions, type LogLine } from '../harness/daemon.js';
import type { MariaDb } from '../harness/mariadb.js';
import type { KillStep } from './plan.js';
import { Processes } from './processes.js';

/** Starts of a daemon until the run is given up. */
const startTries = 5;

/** A process that was killed. */
export interface Killed {
  /** Seconds since 1970. */
  readonly at: number;
  readonly victim: KillStep['victim'];
  readonly pid: number;
  readonly title: string;
}

/** A time without daemon or without database, in seconds since 1970; no end while it lasts. */
export interface Outage {
  readonly what: 'daemon' | 'database';
  readonly from: number;
  to: number;
}

/** Kills what the plan says and brings daemon and database back. */
export class Violence {
  readonly killed: Killed[] = [];
  readonly outages: Outage[] = [];
  /** Steps that found nothing to kill. */
  missed = 0;
  readonly processes: Processes;
  readonly #server: MariaDb;
  readonly #options: DaemonOptions;
  readonly #earlier: LogLine[] = [];
  #daemon: Daemon;
  #busy = new Map<Outage['what'], Promise<void>>();

  /** @param options how the daemon is started again; with its port and its state folder */
  constructor(daemon: Daemon, options: DaemonOptions, server: MariaDb, siteRoot: string) {
    this.#daemon = daemon;
    this.#options = options;
    this.#server = server;
    this.processes = new Processes(siteRoot);
    this.processes.note(daemon.pid);
  }

  get daemon(): Daemon {
    return this.#daemon;
  }

  /** What all daemons have logged. */
  get lines(): LogLine[] {
    return [...this.#earlier, ...this.#daemon.lines];
  }

  /** Whether a process of this title is there. */
  has(title: RegExp): boolean {
    return this.processes.all(this.#daemon.pid).some((found) => title.test(found.title));
  }

  /** Does one step. What is to come back comes back later: see settled(). */
  strike(step: KillStep): void {
    if (step.victim === 'daemon') {
      this.#take('daemon', async () => {
        this.processes.note(this.#daemon.pid);
        this.#note(step, this.#daemon.pid, 'drupald serve');
        await this.#daemon.kill9();
        await pause(step.down);
        this.#earlier.push(...this.#daemon.lines);
        this.#daemon = await this.#startAgain();
      });
    } else if (step.victim === 'database' || step.victim === 'database-stop') {
      this.#take('database', async () => {
        this.#note(step, this.#server.pid ?? 0, 'mariadbd');
        await (step.victim === 'database' ? this.#server.kill9() : this.#server.stop());
        await pause(step.down);
        await this.#server.restart();
      });
    } else {
      this.#killOne(step);
    }
  }

  /** Waits until daemon and database are there again. */
  async settled(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  /** Whether both were there all the time between two moments (seconds since 1970). */
  calm(from: number, to: number): boolean {
    return this.outages.every((outage) => outage.to < from || outage.from > to);
  }

  /** How many file descriptors the daemon has open. */
  descriptors(): number {
    return readdirSync(`/proc/${this.#daemon.pid}/fd`).length;
  }

  #killOne(step: KillStep): void {
    const found = this.processes.all(this.#daemon.pid).filter(({ role }) => role === step.victim);
    const chosen = found[Math.floor(step.pick * found.length)];
    if (!chosen) {
      this.missed += 1;
      return;
    }
    try {
      process.kill(chosen.pid, 'SIGKILL');
      this.#note(step, chosen.pid, chosen.title);
    } catch {
      // It had just ended by itself.
      this.missed += 1;
    }
  }

  /** As a service manager does: one whose first worker was killed ends with "temporary" and is started once more. */
  async #startAgain(): Promise<Daemon> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await Daemon.start(this.#options);
      } catch (error) {
        if (tries >= startTries || !String(error).includes('ended (75)')) throw error;
      }
    }
  }

  #take(what: Outage['what'], work: () => Promise<void>): void {
    if (this.#busy.has(what)) {
      this.missed += 1;
      return;
    }
    const outage: Outage = { what, from: Date.now() / 1000, to: Number.POSITIVE_INFINITY };
    this.outages.push(outage);
    this.#busy.set(
      what,
      work().finally(() => {
        outage.to = Date.now() / 1000;
        this.#busy.delete(what);
      }),
    );
  }

  #note(step: KillStep, pid: number, title: string): void {
    this.killed.push({ at: Date.now() / 1000, victim: step.victim, pid, title });
  }
}
