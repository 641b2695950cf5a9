import { describe, expect, it, vi } from 'vitest';

import { Deliveries } from '../../src/backlog/deliveries.js';
import { RedisAway } from '../../src/backlog/redis-link.js';
import type { Delivery, SharedLine } from '../../src/backlog/shared-line.js';
import { sharedOf, type SharedStart } from '../../src/backlog/shared-start.js';
import type { SiteLines } from '../../src/backlog/site-lines.js';
import { EventBus } from '../../src/events/bus.js';
import type { Dispatch } from '../../src/scheduler/dispatch.js';
import { sumOf } from '../../src/scheduler/ownership.js';
import { dispatchOf } from '../../src/scheduler/take-start.js';
import type { ProcessRow } from '../../src/store/process-store.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';
import { fakeDispatch, fakeSite } from '../scheduler/dispatches.js';

const stamp = '1700000000.000001';
const row: ProcessRow = {
  ...{ handle: 'h', token: 'token', callback: 'my_callback', uid: 3 },
  ...{ serviceHost: 'www1', stamp, status: 3 },
};

/** A daemon that serves www2, and what it does with a start that is delivered while its row is as given. */
function daemon(rows: readonly (ProcessRow | undefined)[], poolSlots?: number) {
  const reads = [...rows];
  const takeOver = vi.fn((found: ProcessRow, serviceHost: string, token: string) =>
    Promise.resolve(
      found === row || found.status === 3 ? { ...found, serviceHost, token, stamp: '1700000009.000001' } : undefined,
    ),
  );
  const site = fakeSite('S', {
    uris: [parseSiteUri('http://a.example'), parseSiteUri('http://b.example')],
    facts: { serviceGroups: { default: ['www1', 'batch', 'www2'] } },
    store: {
      find: () => {
        const next = reads.length > 1 ? reads.shift() : reads[0];
        return Promise.resolve(next ? [next] : []);
      },
    },
    neighbours: { takeOver },
  });
  const line = {
    rule: { name: '', ...(poolSlots === undefined ? {} : { poolSlots }) },
    note: vi.fn(() => Promise.resolve()),
    done: vi.fn(() => Promise.resolve()),
    giveBack: vi.fn(() => Promise.resolve()),
    abandon: vi.fn(),
  };
  const offered: Dispatch[] = [];
  const offer = vi.fn((dispatch: Dispatch): Promise<'taken' | 'stopping'> => {
    offered.push(dispatch);
    return Promise.resolve('taken');
  });
  const deliveries = new Deliveries({
    bus: new EventBus(),
    hostsOf: () => ['batch', 'www2'],
    isLimited: (host) => host === 'batch',
    scheduler: { offer },
    taker: { dispatchOf: (start) => dispatchOf(start, 1) },
  });
  const kept = vi.fn();
  const lines = { site, forget: () => undefined, keep: kept } as unknown as SiteLines;
  const data: SharedStart = {
    ...sharedOf(fakeDispatch(site, 'h', { serviceHost: 'www1', uri: parseSiteUri('http://b.example') })),
    context: { remote: '10.0.0.1', remotePort: 9, headers: { 'accept-language': 'da' }, prefix: 'da' },
  };
  const deliver = (changes: Partial<SharedStart> = {}): Promise<void> => {
    const delivery: Delivery = {
      ...{ id: 'id', token: 'lock', data: { ...data, ...changes } },
      line: line as unknown as SharedLine,
    };
    return deliveries.take(lines, delivery);
  };
  return { deliveries, deliver, line, offer, offered, takeOver, kept, site };
}

describe('a start that is delivered', () => {
  it('runs under a service host of this daemon, with all of its request, once its heir is written down', async () => {
    const { deliver, line, offered, takeOver, deliveries } = daemon([row]);
    await deliver();
    const [taken] = offered;
    expect(taken).toMatchObject({ serviceHost: 'www2', uid: 3, stamp: '1700000009.000001', acceptedAt: 1_000 });
    expect(taken?.context).toMatchObject({ prefix: 'da', headers: { 'accept-language': 'da' } });
    expect(taken?.uri.url).toBe('http://b.example');
    const heir = sumOf(taken?.token ?? '');
    expect(line.note).toHaveBeenCalledWith(expect.anything(), expect.objectContaining({ sum: sumOf('token'), heir }));
    expect(line.note.mock.invocationCallOrder[0]).toBeLessThan(takeOver.mock.invocationCallOrder[0] ?? 0);
    expect(line.done).not.toHaveBeenCalled();
    expect(deliveries.claims).toBe(1);
    if (taken) deliveries.begins(taken);
    expect(deliveries.claims).toBe(0);
    if (taken) deliveries.leaves(taken);
    expect(line.done).toHaveBeenCalledTimes(1);
    expect(deliveries.all).toEqual([]);
  });

  it.each([
    ['gone', undefined],
    ['another one of the same handle', { ...row, token: 'other' }],
    ['running', { ...row, status: 2, stamp: '1700000005.000001' }],
  ])('is over when its row is %s', async (_name, found) => {
    const { deliver, line, offer, takeOver } = daemon([found]);
    await deliver();
    expect(line.done).toHaveBeenCalledTimes(1);
    expect(takeOver).not.toHaveBeenCalled();
    expect(offer).not.toHaveBeenCalled();
  });

  it('is found under the token of whoever died with it', async () => {
    const { deliver, offered } = daemon([{ ...row, token: 'heir', serviceHost: 'www3', stamp: '1700000007.000001' }]);
    await deliver({ heir: sumOf('heir') });
    expect(offered).toHaveLength(1);
  });

  it('is read anew when its row changes while it is taken', async () => {
    const { deliver, line, offer } = daemon([
      { ...row, status: 1 },
      { ...row, status: 2 },
    ]);
    await deliver();
    expect(offer).not.toHaveBeenCalled();
    expect(line.done).toHaveBeenCalledTimes(1);
  });

  it('counts as long as it runs elsewhere, where slots of the pool are limited', async () => {
    const running = { ...row, status: 2 };
    const { deliver, deliveries, line } = daemon([running, running, undefined], 2);
    await deliver();
    expect(deliveries.all).toHaveLength(1);
    await deliveries.look();
    expect(line.done).not.toHaveBeenCalled();
    await deliveries.look();
    expect(line.done).toHaveBeenCalledTimes(1);
    expect(deliveries.all).toEqual([]);
  });

  it('is given back when this daemon takes nothing any more, unless a worker may have claimed it', async () => {
    const { deliver, line, offer, kept, deliveries, offered } = daemon([row]);
    offer.mockImplementationOnce(() => Promise.resolve('stopping'));
    await deliver();
    expect(line.giveBack).toHaveBeenCalledTimes(1);
    expect(kept).toHaveBeenCalledWith(expect.anything(), 'id');
    await deliver();
    const [taken] = offered;
    if (!taken) throw new Error('Nothing was offered.');
    taken.doubt = { from: 1, until: 2, cause: {} as never };
    expect(deliveries.returns(taken)).toBe(false);
    expect(deliveries.has(taken)).toBe(true);
  });

  it('stays as it is when Redis is away before its row was touched', async () => {
    const { deliver, deliveries, line, takeOver } = daemon([row]);
    line.note.mockRejectedValueOnce(new RedisAway('gone'));
    await deliver();
    expect(takeOver).not.toHaveBeenCalled();
    expect(line.done).not.toHaveBeenCalled();
    expect(line.giveBack).not.toHaveBeenCalled();
    expect(line.abandon).toHaveBeenCalledTimes(1);
    expect(deliveries.claims).toBe(0);
  });

  it('is given back when the database fails, and its site rests', async () => {
    const { deliver, line, deliveries, takeOver, site } = daemon([row]);
    takeOver.mockRejectedValueOnce(new Error('the database is gone'));
    await deliver();
    expect(line.giveBack).toHaveBeenCalledTimes(1);
    expect(deliveries.pauses(site)).toBe(true);
  });
});
