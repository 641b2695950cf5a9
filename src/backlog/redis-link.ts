import { randomUUID } from 'node:crypto';

import type { Redis } from 'ioredis';

import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import { TroubleTeller } from '../events/trouble-teller.js';
import { Deferred } from '../support/deferred.js';
import type { RedisAddress } from './redis-address.js';
import type { RedisParts } from './redis-parts.js';

/** Before the name of everything that is kept in Redis. */
export const redisPrefix = 'drupald';

/** Milliseconds between two looks whether Redis answers. */
const lookInterval = 1_000;

/** Milliseconds that Redis may take for an answer until it counts as away; a start waits for it no longer. */
const answerTime = 500;

/** Looks without an answer after which the connection is made anew: nothing may be behind it any more. */
const patience = 3;

/** Why it cannot be used, as long as nobody knows better. */
const noConnection = 'there is no connection yet';

/** Milliseconds that the first connection may take before the daemon goes on without. */
const firstWait = 1_000;

/** Redis does not do what is asked of it now. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

/**
 * The connection to Redis, and whether it can be used: whoever asks gets an answer or an error after a short
 * time. Redis counts as away as soon as it fails or does not answer in time, and as back when a look shows
 * that it takes changes: until then nobody waits for it.
 */
export class RedisLink extends BaseComponent {
  readonly name = 'redis-link';
  readonly #parts: RedisParts;
  readonly #address: RedisAddress;
  readonly #bus: EventBus;
  readonly #teller: TroubleTeller;
  readonly #looks = new Repeated(() => this.#look());
  readonly #first = new Deferred();
  #client: Redis | undefined;
  #isUp = false;
  #awaySince = performance.now();
  #unanswered = 0;
  /** Looks in a row that found a connection and nothing ready behind it. */
  #unready = 0;
  #times = 0;
  #failure = noConnection;
  /** Called when Redis is away, and when it is back; must not throw. */
  onChange: (isUp: boolean) => void = () => undefined;

  constructor(parts: RedisParts, address: RedisAddress, bus: EventBus) {
    super();
    this.#parts = parts;
    this.#address = address;
    this.#bus = bus;
    this.#teller = new TroubleTeller(bus, 'the shared backlog');
  }

  /** Whether it may be asked. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** How often it has been found: it may have lost everything in between. */
  get times(): number {
    return this.#times;
  }

  /** Milliseconds for which it has been away; 0: it is there. */
  get awayFor(): number {
    return this.#isUp ? 0 : performance.now() - this.#awaySince;
  }

  /** Without user and password. */
  get shownAddress(): string {
    return this.#address.shown;
  }

  /** The connection of all queues; each reader of a queue makes one more like it. */
  get client(): Redis {
    if (!this.#client) {
      throw new RedisAway(this.#failure);
    }
    return this.#client;
  }

  /**
   * What Redis does when its memory is full, where that may lose starts; undefined: it loses none, or does not say.
   * Throws RedisAway.
   */
  async evicts(): Promise<string | undefined> {
    const told = await this.ask(() => this.client.info('memory'));
    const policy = /^maxmemory_policy:(\S+)/m.exec(told)?.[1];
    return policy === 'noeviction' ? undefined : policy;
  }

  /**
   * Asks Redis for something, for a short time.
   *
   * @param time milliseconds
   * @throws RedisAway it is away, fails, or takes too long; what the work throws of its own
   */
  async ask<T>(work: () => Promise<T>, time = answerTime): Promise<T> {
    if (!this.#isUp) {
      throw new RedisAway(this.#failure);
    }
    try {
      return await this.#inTime(work(), time);
    } catch (error) {
      if (!isOfRedis(error)) {
        throw error;
      }
      this.lost(error);
      throw new RedisAway(this.#failure, { cause: error });
    }
  }

  /** Whoever uses a connection of its own has seen it fail. */
  lost(error: unknown): void {
    if (this.#isOver) {
      return;
    }
    this.#failure = reasonOf(error);
    if (!this.#isUp) {
      // What was told first stays: one attempt after the other fails.
      if (this.state === 'started') this.#tell();
      return;
    }
    this.#isUp = false;
    this.#awaySince = performance.now();
    this.#bus.emit('backlog.lost', { reason: this.#failure });
    this.#tell();
    this.onChange(false);
  }

  protected override async onStart(): Promise<void> {
    const client = new this.#parts.ioredis.Redis({
      ...this.#address.options,
      connectionName: redisPrefix,
      // Nothing waits for Redis to come back: it is done in another way meanwhile.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      connectTimeout: 5_000,
      retryStrategy: (times) => Math.min(times * 100, lookInterval),
    });
    this.#client = client;
    client.on('error', (error) => this.lost(error));
    client.on('close', () => {
      const saysWhy = !this.#isUp && this.#failure !== noConnection;
      this.lost(new RedisAway(saysWhy ? this.#failure : 'the connection was closed'));
    });
    client.on('ready', () => this.#looks.now());
    this.#looks.start(lookInterval);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, firstWait)));
    await Promise.race([this.#first.promise, late]);
    clearTimeout(timer);
    if (!this.#isUp) {
      this.#tell();
    }
  }

  protected override async onStop(): Promise<void> {
    this.#isUp = false;
    await this.#looks.stop();
    this.#client?.disconnect();
  }

  /** A change, because one that is full, or a copy of another, answers and takes none. */
  async #look(): Promise<void> {
    const { db = 0 } = this.#address.options;
    const client = this.#client;
    if (client?.status !== 'ready') {
      this.#noteUnready(client?.status === 'connect');
      return;
    }
    try {
      // The client goes on in database 0 where it may not use the one that is set.
      if (!this.#isUp && db > 0) await this.#inTime(client.select(db), answerTime);
      await this.#inTime(client.set(`${redisPrefix}:look:${this.#id}`, '1', 'PX', 10 * lookInterval), answerTime);
      this.#unanswered = 0;
      this.#back();
    } catch (error) {
      this.lost(error);
      this.#unanswered += 1;
      if (this.#unanswered >= patience) {
        this.#unanswered = 0;
        client.disconnect(true);
      }
    }
  }

  readonly #id = randomUUID();

  get #isOver(): boolean {
    return this.state === 'stopping' || this.state === 'stopped';
  }

  /** @param isConnected there is a connection, and Redis is not ready behind it */
  #noteUnready(isConnected: boolean): void {
    this.#unready = isConnected ? this.#unready + 1 : 0;
    if (this.#unready >= patience && this.#failure === noConnection) {
      this.lost(new RedisAway('it takes connections, but does not get ready'));
    }
  }

  #back(): void {
    if (this.#isUp || this.#isOver) {
      return;
    }
    this.#isUp = true;
    this.#times += 1;
    this.#teller.over();
    this.#bus.emit('backlog.back', { address: this.shownAddress });
    this.onChange(true);
    this.#first.resolve();
  }

  /** Says why it is away, as soon as that is known. */
  #tell(): void {
    if (this.#failure === noConnection) {
      return;
    }
    this.#teller.began('BACKLOG_AWAY', { address: this.shownAddress, reason: this.#failure });
  }

  async #inTime<T>(work: Promise<T>, time: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new RedisAway(`it did not answer within ${time} ms`)), time);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }
}

/** Whether an error is one of Redis or of the way to it, and not of what was asked. */
function isOfRedis(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    error instanceof RedisAway ||
    ['ReplyError', 'MaxRetriesPerRequestError', 'ConnectionClosedError'].includes(error.name) ||
    typeof code === 'string' ||
    /connection is closed|isn't writeable|command timed out/i.test(error.message)
  );
}

function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  // A name with several addresses that all refuse has a code and no words.
  const words = message === '' ? (code ?? 'unknown') : message;
  // What answers is no Redis, or speaks TLS; the client takes it for a fault of its own.
  if (words.startsWith('Unknown RESP type')) return 'what answers there does not speak as Redis does';
  // It stands in a sentence, and which of BullMQ's scripts it was says nothing there.
  return words.replace(/ script: [0-9a-f]{40}.*$/, '').replace(/\.+$/, '');
}
