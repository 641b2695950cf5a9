import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Adoption } from '../../src/batch/adoption.js';
import { EventBus } from '../../src/events/bus.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import type { SiteConnection } from '../../src/store/core-batch-table.js';

const data =
  'a:4:{s:4:"sets";a:1:{i:0;a:2:{s:5:"total";i:3;s:5:"count";i:2;}}s:11:"current_set";i:0;s:3:"url";s:5:"batch";s:11:"progressive";b:1;}';

/** A site with one batch, as the statements of adoption see it. */
class FakeSite {
  sum = 'a';
  head = 'queue 1';
  isHidden = false;
  isOurs = false;
  connections: SiteConnection[] = [];
  owners = [5];
  data = data;
  readonly events: string[] = [];
  readonly adoption: Adoption;

  constructor() {
    const bus = new EventBus();
    for (const name of ['batch.adopted', 'batch.not-adopted', 'batch.awaited'] as const) {
      bus.on(name, () => void this.events.push(name));
    }
    const site = {
      name: 'http://site.test',
      batches: { get: () => Promise.resolve({ bid: 1, created: 1, data: Buffer.from(this.data) }) },
      coreBatches: {
        prints: () =>
          Promise.resolve([
            { bid: 1, token: 't', isHidden: this.isHidden, isOurs: this.isHidden && this.isOurs, sum: this.sum },
          ]),
        heads: () => Promise.resolve(new Map([[1, this.head]])),
        connections: () => Promise.resolve(this.connections),
        owners: () => Promise.resolve(this.owners),
        hide: ({ sum }: { sum: string }) => {
          this.isHidden ||= sum === this.sum;
          return Promise.resolve(this.isHidden);
        },
        take: () => {
          this.isOurs = this.isHidden;
          return Promise.resolve(this.isOurs);
        },
        giveBack: () => {
          this.isHidden = this.isOurs = false;
          return Promise.resolve();
        },
      },
    } as unknown as ServedSite;
    this.adoption = new Adoption({ site, bus, after: 60_000, ownSessions: () => new Set([99]) });
  }

  /** Looks once a second. @returns whether we have it in hand then */
  async look(seconds = 1): Promise<boolean> {
    let adopted: readonly unknown[] = [];
    for (let second = 0; second < seconds; second += 1) {
      vi.advanceTimersByTime(1_000);
      adopted = await this.adoption.look();
    }
    return adopted.length > 0;
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const open = (...ids: readonly number[]): SiteConnection[] => ids.map((id) => ({ id, idle: 0 }));

test('one that changes no more is hidden, and only then ours', async () => {
  const site = new FakeSite();
  expect(await site.look(60)).toBe(false);
  expect(site.isHidden).toBe(false);
  await site.look(1);
  expect(site.isHidden).toBe(true);
  expect(await site.look(2)).toBe(true);
  expect(site.events).toEqual(['batch.adopted']);
});

test('each change, of its row or of its queue, begins the wait anew', async () => {
  const site = new FakeSite();
  await site.look(50);
  site.sum = 'b';
  await site.look(50);
  site.head = 'queue 2';
  expect(await site.look(59)).toBe(false);
  expect(site.isHidden).toBe(false);
  expect(await site.look(5)).toBe(true);
});

test('a request that was open when it changed no more is waited for, one of our own is not', async () => {
  const site = new FakeSite();
  site.connections = open(7, 99);
  await site.look(200);
  expect(site.isHidden).toBe(false);
  expect(site.events).toEqual(['batch.awaited', 'batch.not-adopted']);
  site.connections = open(99);
  await site.look(1);
  expect(site.isHidden).toBe(true);
});

test('a connection that is open since long before, or was asked nothing for long, is none of a request', async () => {
  const site = new FakeSite();
  site.connections = open(7);
  await site.look(20);
  site.sum = 'b';
  site.connections = [...open(7), { id: 8, idle: 3 }];
  await site.look(1);
  site.connections = [...open(7), { id: 8, idle: 61 }];
  expect(await site.look(65)).toBe(true);
});

test('a request that came just before it was hidden is waited for; what it saves gives the batch back', async () => {
  const late = new FakeSite();
  late.connections = open(7);
  await late.look(62);
  late.connections = open(8);
  await late.look(1);
  expect(late.isHidden).toBe(true);
  expect(await late.look(10)).toBe(false);
  late.sum = 'b';
  late.connections = [];
  expect(await late.look(1)).toBe(false);
  expect(late.isHidden).toBe(false);
  expect(await late.look(59)).toBe(false);
  expect(await late.look(5)).toBe(true);
});

test('what was saved in the very moment in which the last request went is seen', async () => {
  const site = new FakeSite();
  site.connections = open(7);
  await site.look(62);
  site.connections = open(8);
  await site.look(2);
  site.connections = [];
  expect(await site.look(1)).toBe(false);
  site.sum = 'b';
  expect(await site.look(1)).toBe(false);
  expect(site.isHidden).toBe(false);
});

test('a request that does not end gives it back after a while', async () => {
  const site = new FakeSite();
  site.connections = open(7);
  await site.look(62);
  site.connections = open(8);
  await site.look(1);
  expect(site.isHidden).toBe(true);
  await site.look(62);
  expect(site.isHidden).toBe(false);
});

test('without its starter, or as none of the pages of batches, it is left alone until it changes', async () => {
  const site = new FakeSite();
  site.owners = [];
  await site.look(70);
  expect(site.isHidden).toBe(false);
  expect(site.events).toEqual(['batch.not-adopted']);
  site.owners = [5];
  await site.look(70);
  expect(site.isHidden).toBe(false);
  site.adoption.release(1);
  expect(await site.look(70)).toBe(true);
  const update = new FakeSite();
  update.data = data.replace('s:5:"batch"', 's:10:"update.php"');
  await update.look(70);
  expect(update.isHidden).toBe(false);
  expect(update.events).toEqual([]);
});

test('one that an earlier daemon has hidden is ours if it was, and looked at like any other if not', async () => {
  const ours = new FakeSite();
  ours.isHidden = true;
  ours.isOurs = true;
  ours.connections = open(7);
  expect(await ours.look(2)).toBe(true);
  const other = new FakeSite();
  other.isHidden = true;
  other.connections = open(7);
  expect(await other.look(5)).toBe(false);
  other.connections = [];
  expect(await other.look(3)).toBe(true);
});

test('one that is given back for good is not adopted before it changes', async () => {
  const site = new FakeSite();
  await site.look(64);
  await site.adoption.giveBack(1, false);
  expect(await site.look(100)).toBe(false);
  site.sum = 'b';
  expect(await site.look(65)).toBe(true);
});
