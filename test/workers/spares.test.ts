import { expect, it } from 'vitest';

import { Deferred } from '../../src/support/deferred.js';
import { Arrivals } from '../../src/workers/arrivals.js';
import { Spares } from '../../src/workers/spares.js';
import type { Worker } from '../../src/workers/worker.js';

interface FakeWorker {
  readonly worker: Worker;
  readonly closed: Deferred;
}

function fakeWorker(pid: number): FakeWorker {
  const closed = new Deferred();
  const connection = { closed: closed.promise, close: () => closed.resolve() };
  return { worker: { pid, connection } as unknown as Worker, closed };
}

function prepare(target: number): { spares: Spares; made: FakeWorker[] } {
  const made: FakeWorker[] = [];
  const spares = new Spares(() => {
    const next = fakeWorker(made.length + 1);
    made.push(next);
    return Promise.resolve(next.worker);
  }, target);
  return { spares, made };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('makes what is missing once, and gives out the oldest', async () => {
  const { spares, made } = prepare(2);
  spares.fill();
  spares.fill();
  await settle();
  expect(made).toHaveLength(2);
  expect(spares.take()?.pid).toBe(1);
  spares.fill();
  await settle();
  expect(made).toHaveLength(3);
  expect([spares.take()?.pid, spares.take()?.pid, spares.take()]).toEqual([2, 3, undefined]);
});

it('forgets one that died', async () => {
  const { spares, made } = prepare(2);
  spares.fill();
  await settle();
  made[0]?.closed.resolve();
  await settle();
  expect(spares.size).toBe(1);
  expect(spares.take()?.pid).toBe(2);
});

it('lets all go, also those that were being made', async () => {
  const { spares, made } = prepare(1);
  spares.fill();
  await settle();
  spares.target = 2;
  spares.fill();
  spares.close();
  await settle();
  expect(spares.size).toBe(0);
  await Promise.all(made.map(({ closed }) => closed.promise));
});

it('leaves a failure to whoever needs a worker', async () => {
  const spares = new Spares(() => Promise.reject(new Error('no more processes')), 1);
  spares.fill();
  await settle();
  expect(spares.take()).toBeUndefined();
});

it('counts arrivals of the last second, at the worst moment', () => {
  const arrivals = new Arrivals();
  expect(arrivals.peak(10_000)).toBe(0);
  for (const at of [10_000, 10_010, 10_020, 10_500]) {
    arrivals.note(at);
  }
  expect(arrivals.peak(10_600)).toBe(3);
  expect(arrivals.peak(11_020)).toBe(1);
  expect(arrivals.peak(60_000)).toBe(0);
});
