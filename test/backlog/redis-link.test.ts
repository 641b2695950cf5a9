import { EventEmitter } from 'node:events';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { redisAddress } from '../../src/backlog/redis-address.js';
import { RedisLink } from '../../src/backlog/redis-link.js';
import type { RedisParts } from '../../src/backlog/redis-parts.js';
import { EventBus } from '../../src/events/bus.js';
import { Troubles } from '../../src/events/troubles.js';

/** What a link uses of its client. */
class FakeClient extends EventEmitter {
  status = 'connecting';
  readonly set = vi.fn(() => Promise.resolve('OK'));
  readonly select = vi.fn((db: number) => Promise.resolve(`OK ${db}`));
  readonly disconnect = vi.fn(() => this.emit('close'));

  becomes(status: string): void {
    this.status = status;
    this.emit(status);
  }
}

describe('RedisLink', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A link whose client does only what the test has it do, started. */
  async function started(url: string, before: (client: FakeClient) => void = () => undefined) {
    const bus = new EventBus();
    const troubles = new Troubles(bus);
    const client = new FakeClient();
    const Redis = function () {
      return client;
    };
    const parts = { ioredis: { Redis }, bullmq: {} } as unknown as RedisParts;
    const link = new RedisLink(parts, redisAddress(url), bus);
    const start = link.start();
    await vi.advanceTimersByTimeAsync(0);
    before(client);
    await vi.advanceTimersByTimeAsync(1_000);
    await start;
    return { link, client, told: () => troubles.list.map(({ message }) => message) };
  }

  it('is up once Redis takes a change, in the database of its address', async () => {
    const { link, client, told } = await started('redis://127.0.0.1:6379/3', (one) => one.becomes('ready'));
    expect(client.select).toHaveBeenCalledWith(3);
    expect(link.isUp).toBe(true);
    expect(told()).toEqual([]);
    await link.stop();
    expect(told()).toEqual([]);
  });

  it('uses no other database than that of its address', async () => {
    const { link, client, told } = await started('redis://127.0.0.1:6379/99', (one) => {
      const refusal = Object.assign(new Error('ERR DB index is out of range'), { name: 'ReplyError' });
      one.select.mockRejectedValue(refusal);
      one.emit('error', refusal);
      one.becomes('ready');
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(link.isUp).toBe(false);
    expect(client.set).not.toHaveBeenCalled();
    expect(told()).toEqual([
      'The Redis 127.0.0.1:6379, database 99 on which the backlog is shared cannot be used: ERR DB index is out of range.',
    ]);
    await link.stop();
  });

  it('says why it is away as soon as that is known, in a sentence with one full stop', async () => {
    const { link, client, told } = await started('redis://127.0.0.1:6379');
    expect(link.isUp).toBe(false);
    expect(told()).toEqual([]);
    client.emit('error', new Error('WRONGPASS invalid username-password pair or user is disabled.'));
    client.emit('error', new Error('connect ETIMEDOUT'));
    expect(told()).toEqual([
      'The Redis 127.0.0.1:6379 on which the backlog is shared cannot be used: ' +
        'WRONGPASS invalid username-password pair or user is disabled.',
    ]);
    client.becomes('ready');
    await vi.advanceTimersByTimeAsync(0);
    expect(link.isUp).toBe(true);
    expect(told()).toEqual([]);
    await link.stop();
  });

  it.each([
    ['takes connections, but does not get ready', (client: FakeClient) => client.becomes('connect')],
    ['the connection was closed', (client: FakeClient) => client.becomes('close')],
    [
      "cannot be used: OOM command not allowed when used memory > 'maxmemory'",
      (client: FakeClient) =>
        client.emit(
          'error',
          new Error(
            `OOM command not allowed when used memory > 'maxmemory'. script: ${'5a'.repeat(20)}, on @user_script:589.`,
          ),
        ),
    ],
    [
      'does not speak as Redis does',
      (client: FakeClient) => client.emit('error', new Error('Unknown RESP type 72 "H". Please report this.')),
    ],
  ])('tells that it %s', async (words, happens) => {
    const { link, client, told } = await started('redis://127.0.0.1:6379');
    happens(client);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told().join()).toContain(`${words}.`);
    await link.stop();
  });
});
