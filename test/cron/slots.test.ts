import { describe, expect, test } from 'vitest';

import type { CoreCronState } from '../../src/cron/core-due.js';
import { MemorySlots } from '../../src/cron/memory-slots.js';
import { PageHold } from '../../src/cron/page-hold.js';
import { SlotKeeper } from '../../src/cron/slot-keeper.js';
import { EventBus } from '../../src/events/bus.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';

const now = 1_700_000_000;

describe('where slots are kept', () => {
  function setUp(...errors: (Error | undefined)[]) {
    const bus = new EventBus();
    const told: string[] = [];
    bus.on('cron.in-memory', ({ reason }) => told.push(reason));
    const table = {
      prepare: () => {
        const error = errors.shift();
        return error ? Promise.reject(error) : Promise.resolve();
      },
    };
    return { keeper: new SlotKeeper(bus), site: { name: 's', cronSlots: table } as unknown as ServedSite, table, told };
  }
  const failure = (code: string): Error => Object.assign(new Error(code), { code });

  test('in the database', async () => {
    const { keeper, site, table, told } = setUp();
    expect(await keeper.of(site)).toBe(table);
    expect(told).toEqual([]);
  });

  test('in memory without the right to make the table, which is told once', async () => {
    const { keeper, site, told } = setUp(failure('ER_TABLEACCESS_DENIED_ERROR'));
    const book = await keeper.of(site);
    expect(await keeper.of(site)).toBe(book);
    expect(book).toBeInstanceOf(MemorySlots);
    expect(told).toHaveLength(1);
  });

  test('in the database once it answers', async () => {
    const { keeper, site, table } = setUp(failure('ECONNREFUSED'));
    await expect(keeper.of(site)).rejects.toThrow('ECONNREFUSED');
    expect(await keeper.of(site)).toBe(table);
  });
});

describe('slots in memory', () => {
  const slot = { entry: 'a', due: now, pass: 0, fired: now, rule: '' };

  test('are taken once, and again when they were given back', async () => {
    const book = new MemorySlots();
    expect([await book.take(slot), await book.take(slot)]).toEqual([true, false]);
    expect(await book.take({ ...slot, pass: 1 })).toBe(true);
    expect(await book.newest('a')).toMatchObject({ pass: 1, seq: 2 });
    await book.giveBack(slot);
    expect(await book.take(slot)).toBe(true);
    expect(await book.newest('b')).toBeUndefined();
  });

  test('do not pile up', async () => {
    const book = new MemorySlots();
    for (let due = 0; due < 500; due += 1) await book.take({ ...slot, due });
    expect(await book.find('a', 0)).toBeUndefined();
    expect(await book.newest('a')).toMatchObject({ due: 499 });
  });
});

describe('pages that would run cron before its time', () => {
  function setUp() {
    const book = new MemorySlots();
    const written: number[] = [];
    const make = (): PageHold =>
      new PageHold(
        () => Promise.resolve(book),
        (value) => {
          written.push(value);
          return Promise.resolve();
        },
      );
    return { pages: make(), another: make(), written };
  }
  const state = (change: Partial<CoreCronState> = {}): CoreCronState => ({
    last: now,
    threshold: 600,
    cadence: 3600,
    lockTimeout: 900,
    maintenance: false,
    installed: true,
    ...change,
  });

  test('find a cron_last that is young, and each daemon knows when cron really ran', async () => {
    const { pages, another, written } = setUp();
    await pages.keep(state(), now + 500);
    expect(written).toEqual([]);
    await pages.keep(state(), now + 541.5);
    expect(written).toEqual([now + 541]);
    expect(await another.ran(now + 541)).toBe(now);
    await another.keep(state({ last: now + 541, ran: now }), now + 1200);
    expect(await pages.ran(now + 1200)).toBe(now);
    expect(await pages.ran(now + 1300)).toBeUndefined();
    await pages.release(state({ last: now + 1200, ran: now }));
    expect(written).toEqual([now + 541, now + 1200, now]);
  });

  test('are left alone where they run none, and without a cadence', async () => {
    const { pages, written } = setUp();
    await pages.keep(state({ threshold: 0 }), now + 9999);
    await pages.keep(state({ cadence: undefined }), now + 9999);
    await pages.keep(state({ last: undefined }), now + 9999);
    await pages.release(state());
    expect(written).toEqual([]);
  });
});
