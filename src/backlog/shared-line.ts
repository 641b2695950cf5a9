import { randomUUID } from 'node:crypto';

import type { Job, Queue, Worker } from 'bullmq';

import { partsOf } from '../support/parts.js';
import type { LineRule } from './pool-rules.js';
import type { RedisLink } from './redis-link.js';
import { redisPrefix } from './redis-link.js';
import type { RedisParts } from './redis-parts.js';
import type { SharedStart } from './shared-start.js';

/** Milliseconds after which a start counts as left by whoever took it, when he has not said otherwise. */
export const lockTime = 10_000;

/** Milliseconds between two looks for starts that were left. */
const leftInterval = 5_000;

/** Seconds for which a reader waits for the next start until it looks by itself. */
const longestWait = 1;

/** Milliseconds that many starts at a time may take. */
const bulkTime = 5_000;

/** Starts that are put there, or looked for, at a time. */
const bulk = 500;

/** The number that BullMQ gives to what has ours as 0; there, the lower ones come first, and 0 before all. */
const middle = 1_001;

/** A start that this daemon has taken from a line and not given back yet. */
export interface Delivery {
  readonly id: string;
  readonly data: unknown;
  readonly token: string;
  readonly line: SharedLine;
}

/** A start as it is put into a line. */
export interface Entry {
  readonly id: string;
  readonly data: SharedStart;
  /** 0 where there are no priorities. */
  readonly priority: number | undefined;
}

/** One line of starts of a site: a queue of BullMQ, whose limits count for all daemons. */
export class SharedLine {
  readonly rule: LineRule;
  readonly #link: RedisLink;
  readonly #queue: Queue<SharedStart>;
  readonly #worker: Worker<SharedStart>;
  readonly #jobs = new Map<string, Job<SharedStart>>();
  /** A start is there, or may be. */
  #knock: Promise<unknown> | undefined;
  #waiting = 0;
  #active = 0;
  /** When Redis was told of the limits, counted in times that it was found. */
  #toldAt = 0;

  private constructor(name: string, rule: LineRule, link: RedisLink, { bullmq }: RedisParts) {
    this.rule = rule;
    this.#link = link;
    const common = { connection: link.client, prefix: redisPrefix, skipVersionCheck: true };
    this.#queue = new bullmq.Queue(name, { ...common, streams: { events: { maxLen: 100 } } });
    this.#worker = new bullmq.Worker(name, null, {
      ...common,
      autorun: false,
      lockDuration: lockTime,
      stalledInterval: leftInterval,
      // The row decides what becomes of one that was left, however often that was.
      maxStalledCount: 1_000_000_000,
    });
    // Whether Redis is there is the link's to say.
    this.#queue.on('error', () => undefined);
    this.#worker.on('error', () => undefined);
  }

  /**
   * Opens a line; its limits count from now on, for everybody.
   *
   * @param tables names the site's tables among all there are
   */
  static async open(tables: string, rule: LineRule, link: RedisLink, parts: RedisParts): Promise<SharedLine> {
    const name = `${tables.slice(0, 32)}${rule.name === '' ? '' : `-${rule.name}`}`;
    const line = new SharedLine(name, rule, link, parts);
    try {
      await line.tellLimits();
      await line.#worker.startStalledCheckTimer();
    } catch (error) {
      await line.close();
      throw error;
    }
    return line;
  }

  /** Starts that wait, as far as it was told lately. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Starts that some daemon has in hand, as far as it was told lately. */
  get active(): number {
    return this.#active;
  }

  /** Puts starts there; those that are there already stay as they are. */
  async add(entries: readonly Entry[]): Promise<void> {
    for (const part of partsOf(entries, bulk)) {
      const jobs = part.map(({ id, data, priority }) => ({
        name: 'start',
        data,
        opts: {
          jobId: id,
          removeOnComplete: true,
          removeOnFail: true,
          ...(priority === undefined ? {} : { priority: middle - priority }),
        },
      }));
      await this.#link.ask(() => this.#queue.addBulk(jobs), part.length === 1 ? undefined : bulkTime);
      this.#waiting += part.length;
    }
  }

  /** Of these ids, those that are not there. */
  async missing(ids: readonly string[]): Promise<Set<string>> {
    const missing = new Set<string>();
    for (const part of partsOf(ids, bulk)) {
      const pipeline = this.#link.client.pipeline();
      for (const id of part) {
        pipeline.exists(this.#queue.toKey(id));
      }
      const answers = await this.#link.ask(() => pipeline.exec(), bulkTime);
      part.forEach((id, index) => {
        const [error, found] = answers?.[index] ?? [];
        if (!error && found === 0) missing.add(id);
      });
    }
    return missing;
  }

  /** Takes a start out; false: a daemon has it in hand. */
  async takeOut(id: string): Promise<boolean> {
    return (await this.#link.ask(() => this.#queue.remove(id))) === 1 || (await this.missing([id])).has(id);
  }

  /** Takes the next start in hand; undefined: there is none that may begin now. */
  async fetch(): Promise<Delivery | undefined> {
    if (this.#toldAt !== this.#link.times) {
      await this.tellLimits();
    }
    const token = randomUUID();
    // Types say that there always is one.
    const job = (await this.#link.ask(() => this.#worker.getNextJob(token, { block: false }), bulkTime)) as
      Job<SharedStart> | undefined;
    if (!job?.id) {
      if (this.rule.poolSlots === undefined && this.rule.rate === undefined) this.#waiting = 0;
      return undefined;
    }
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#jobs.set(job.id, job);
    return { id: job.id, data: job.data, token, line: this };
  }

  /** Resolves when there may be a start to fetch; after about a second in any case. */
  async knocked(): Promise<void> {
    if (this.rule.rate) {
      const pause = await this.#link.ask(() => this.#queue.getRateLimitTtl(this.rule.rate?.max));
      if (pause > 0) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(pause, longestWait * 1000)).unref());
        return;
      }
    }
    this.#knock ??= this.#worker
      .getBackend()
      .waitForJob(longestWait)
      .finally(() => {
        this.#knock = undefined;
      });
    await this.#knock;
  }

  /** Writes down under which sum the row of a start is known from now on. */
  async note({ id }: Delivery, data: SharedStart): Promise<void> {
    await this.#link.ask(async () => this.#jobs.get(id)?.updateData(data));
  }

  /** A start is over: it is not there any more. */
  async done({ id, token }: Delivery): Promise<void> {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    await this.#link.ask(async () => job?.moveToCompleted(undefined as never, token, false));
  }

  /** Somebody else may take a start: it is the next one. */
  async giveBack({ id, token }: Delivery): Promise<void> {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    await this.#link.ask(async () => job?.moveToWait(token));
  }

  /** Leaves a start to whoever finds that nobody says any more that he has it. */
  abandon({ id }: Delivery): void {
    this.#jobs.delete(id);
  }

  /** Says that these are still in hand. */
  async keep(deliveries: readonly Delivery[]): Promise<void> {
    for (const part of partsOf(deliveries, bulk)) {
      const [ids, tokens] = [part.map(({ id }) => id), part.map(({ token }) => token)];
      await this.#link.ask(() => this.#worker.extendJobLocks(ids, tokens, lockTime), bulkTime);
    }
  }

  /** Asks how many there are. */
  async count(): Promise<void> {
    const counts = await this.#link.ask(() => this.#queue.getJobCounts('wait', 'prioritized', 'active'));
    this.#waiting = (counts.wait ?? 0) + (counts.prioritized ?? 0);
    this.#active = counts.active ?? 0;
  }

  /** Tells Redis what counts for this line; it may have lost that. */
  async tellLimits(): Promise<void> {
    const { times } = this.#link;
    await this.#link.ask(() => this.#setLimits(), bulkTime);
    this.#toldAt = times;
  }

  /** Ends its connection. */
  async close(): Promise<void> {
    await Promise.all([this.#worker.close(true), this.#queue.close()].map((end) => end.catch(() => undefined)));
  }

  async #setLimits(): Promise<void> {
    const { poolSlots, rate } = this.rule;
    await (poolSlots === undefined
      ? this.#queue.removeGlobalConcurrency()
      : this.#queue.setGlobalConcurrency(poolSlots));
    await (rate === undefined
      ? this.#queue.removeGlobalRateLimit()
      : this.#queue.setGlobalRateLimit(rate.max, rate.within));
  }
}
