import { expect, test } from 'vitest';

import { readBatch } from '../../src/batch/batch-state.js';
import { standing } from '../../src/batch/batch-view.js';
import { execStatus } from '../../src/process/states.js';

type Php = string | number | boolean | { readonly [key: string]: Php };

/** As PHP serializes it. */
function php(value: Php): string {
  if (typeof value === 'string') return `s:${Buffer.byteLength(value)}:"${value}";`;
  if (typeof value === 'number') return `i:${value};`;
  if (typeof value === 'boolean') return `b:${value ? 1 : 0};`;
  const members = Object.entries(value).map(([key, one]) => php(/^\d+$/.test(key) ? Number(key) : key) + php(one));
  return `a:${members.length}:{${members.join('')}}`;
}

const sets = { 0: { title: 'Größe', total: 10, count: 0 }, 1: { title: 'Two', total: 30, count: 20 } };
const batch = { sets, current_set: 1, url: 'batch', progressive: true };
const read = (value: Php) => readBatch(Buffer.from(php(value)));
const state = (more: Readonly<Record<string, Php>> = {}) => {
  const found = read({ ...batch, ...more });
  if (!found) throw new Error('It cannot be read.');
  return found;
};

test('a batch says how much is done of all of its sets, and who began it', () => {
  expect(state({ uid: 7 })).toMatchObject({ title: 'Two', total: 40, left: 20, uid: 7, hasOwner: true, isPaged: true });
  expect(state()).toMatchObject({ uid: 0, hasOwner: false, isOurs: false, over: undefined });
  expect(state({ drupald: { over: 'stopped', end: 'why', times: 2 } })).toMatchObject({
    isOurs: true,
    over: 'stopped',
    end: 'why',
    failures: 2,
  });
});

test('only those that the pages of batches run step by step are paged', () => {
  expect(state({ url: 'update.php' }).isPaged).toBe(false);
  expect(state({ progressive: false }).isPaged).toBe(false);
});

test('what has no current set, or is none, cannot be read', () => {
  expect(read({ ...batch, current_set: 7 })).toBeUndefined();
  expect(read({ sets: 3, current_set: 0 })).toBeUndefined();
  expect(readBatch(Buffer.from(php(batch).slice(0, 60)))).toBeUndefined();
  expect(readBatch(Buffer.alloc(0))).toBeUndefined();
});

const progress = { bid: 1, share: 0.5, message: 'm', begun: 100, told: 110, ended: false };

test('one that runs has a rate and an end in sight', () => {
  expect(standing(state(), progress, execStatus.running, false)).toMatchObject({
    state: 'running',
    percentage: 50,
    rate: 2,
    eta: 120,
  });
  expect(standing(state(), { ...progress, share: 0 }, execStatus.running, false)).toMatchObject({
    rate: null,
    eta: null,
  });
});

test('one that is over is as far as it came', () => {
  const far = (drupald: Readonly<Record<string, Php>>) =>
    standing(state({ drupald }), { ...progress, share: 1 }, undefined, false);
  expect(far({ over: 'stopped', count: 4 })).toMatchObject({ operations: 40, left: 24, percentage: 40 });
  expect(far({ over: 'finished', total: 8, left: 2 })).toMatchObject({ operations: 8, left: 2, percentage: 75 });
  expect(far({ over: 'finished' })).toMatchObject({ operations: 0, left: 0, percentage: 100 });
});

test('each standing has its reason', () => {
  const how = (more: Readonly<Record<string, Php>>, share: number, process?: number, inBrowser = false) =>
    standing(state(more), { ...progress, share }, process, inBrowser).state;
  expect(how({}, 0.5)).toBe('waiting');
  expect(how({ drupald: { times: 1 } }, 0.5)).toBe('failed');
  expect(how({ drupald: { times: 1 } }, 0.5, execStatus.locked)).toBe('waiting');
  expect(how({}, 1)).toBe('done');
  expect(how({ drupald: { over: 'done' } }, 0.5)).toBe('done');
  expect(how({ drupald: { over: 'stopped' } }, 0.5, execStatus.running)).toBe('stopped');
  expect(how({ drupald: { over: 'finished' } }, 0.5)).toBe('finished here');
  expect(how({ drupald: { over: 'finished' } }, 0.5, undefined, true)).toBe('finished here');
  expect(how({}, 0.5, undefined, true)).toBe('in its browser');
});

test('one that its browser drives is as far as its operations', () => {
  expect(standing(state(), undefined, undefined, true)).toMatchObject({ percentage: 50, message: '' });
});
