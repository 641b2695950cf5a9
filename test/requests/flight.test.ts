import { expect, it } from 'vitest';

import { Flight } from '../../src/requests/flight.js';
import type { QueueItemRow } from '../../src/store/queue-table.js';
import { Deferred } from '../../src/support/deferred.js';

const now = Math.floor(Date.now() / 1000);

/** A table with one item, whose statements can be held up. */
class FakeTable {
  expire: number | undefined;
  moves = 0;
  gate: Promise<void> = Promise.resolve();

  constructor(expire: number) {
    this.expire = expire;
  }
  async move(item: QueueItemRow, expire: number): Promise<boolean> {
    this.moves += 1;
    const fits = item.expire === this.expire;
    if (fits) this.expire = expire;
    await this.gate;
    return fits;
  }
  async remove(item: QueueItemRow): Promise<boolean> {
    const fits = item.expire === this.expire;
    if (fits) this.expire = undefined;
    await this.gate;
    return fits;
  }
}

function flightWith(expire: number): { table: FakeTable; flight: Flight } {
  const table = new FakeTable(expire);
  return { table, flight: new Flight(table, { id: 1, queue: 'q', created: 1, expire }) };
}

it('keeps its item under the last lease, and removes it', async () => {
  const { table, flight } = flightWith(now + 60);
  await flight.renew(now + 80);
  await flight.renew(now + 100);
  expect(table.expire).toBe(now + 100);
  await flight.done();
  expect(table.expire).toBeUndefined();
});

it('ends behind a renewal that is on its way, and is not renewed any more', async () => {
  const { table, flight } = flightWith(now + 60);
  const gate = new Deferred();
  table.gate = gate.promise;
  const renewed = flight.renew(now + 80);
  const ended = flight.giveBack();
  gate.resolve();
  await Promise.all([renewed, ended]);
  expect(table.expire).toBe(0);
  await flight.renew(now + 100);
  expect(table.expire).toBe(0);
});

it('knows that its item is lost when another has claimed it', async () => {
  const { table, flight } = flightWith(now + 60);
  table.expire = now + 70;
  await flight.renew(now + 80);
  expect(flight.lost.aborted).toBe(true);
  await flight.done();
  expect(table.expire).toBe(now + 70);
});

it('asks the table only when its lease is about to end', async () => {
  const { table, flight } = flightWith(now + 60);
  expect(await flight.holds(20, now + 120)).toBe(true);
  expect(table.moves).toBe(0);
  const late = flightWith(now + 10);
  expect(await late.flight.holds(20, now + 60)).toBe(true);
  expect(late.table.expire).toBe(now + 60);
  const over = flightWith(now - 5);
  over.table.expire = now + 90;
  expect(await over.flight.holds(20, now + 60)).toBe(false);
  expect(over.table.expire).toBe(now + 90);
});
