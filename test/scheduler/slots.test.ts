import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { LoadMeter } from '../../src/scheduler/load.js';
import { leastSlots, nextSlots, Slots } from '../../src/scheduler/slots.js';

const bounds = { least: 4, most: 64 };
const calm = { cpu: 0, memory: 0 };

describe('the next number of slots', () => {
  const busy = { running: 8, waiting: 100 };

  it('grows while starts wait on a calm machine, up to the limit', () => {
    expect(nextSlots(8, calm, busy, bounds)).toBe(12);
    expect(nextSlots(60, calm, { running: 60, waiting: 1 }, bounds)).toBe(64);
  });

  it('stays while slots are free or processors are wanted', () => {
    expect(nextSlots(8, calm, { running: 5, waiting: 1 }, bounds)).toBe(8);
    expect(nextSlots(8, { cpu: 0.5, memory: 0 }, busy, bounds)).toBe(8);
  });

  it.each([
    ['processors', { cpu: 0.9, memory: 0 }],
    ['memory', { cpu: 0, memory: 0.5 }],
  ])('shrinks when %s run short, down to what it began with', (_what, load) => {
    expect(nextSlots(40, load, { running: 40, waiting: 100 }, bounds)).toBe(30);
    expect(nextSlots(4, load, { running: 4, waiting: 100 }, bounds)).toBe(4);
  });

  it('goes back when the rush is over', () => {
    expect(nextSlots(64, calm, { running: 3, waiting: 0 }, bounds)).toBe(48);
    expect(nextSlots(4, calm, { running: 0, waiting: 0 }, bounds)).toBe(4);
  });

  it('never passes what the database allows', () => {
    expect(nextSlots(8, calm, busy, { least: 4, most: 3 })).toBe(3);
  });
});

describe('Slots', () => {
  const slots = (wanted: number | 'auto'): Slots =>
    new Slots({
      wanted,
      bus: new EventBus(),
      demand: () => ({ running: 0, waiting: 0 }),
      onMore: () => undefined,
    });

  it('begins with what the machine has', () => {
    expect(slots('auto').current).toBe(leastSlots());
  });

  it('takes less than a third of the connections of a site', () => {
    const auto = slots('auto');
    auto.limitBy(60);
    expect(auto.most).toBe(14);
    auto.limitBy(24);
    expect([auto.most, auto.current]).toEqual([2, 2]);
    auto.limitBy(3);
    expect(auto.current).toBe(1);
  });

  it('leaves a chosen number alone', () => {
    const chosen = slots(40);
    chosen.limitBy(24);
    expect([chosen.current, chosen.most]).toEqual([40, 40]);
  });
});

describe('LoadMeter', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drupald-load-'));
    await mkdir(join(folder, 'pressure'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const pressure = (what: string, total: number): Promise<void> =>
    writeFile(
      join(folder, 'pressure', what),
      `some avg10=0.00 avg60=0.00 avg300=0.00 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
    );

  it('tells the part of the time since the last reading in which something waited', async () => {
    const meter = new LoadMeter(folder);
    await pressure('cpu', 1_000);
    await pressure('memory', 0);
    expect(await meter.read()).toEqual({ cpu: 0, memory: 0 });
    // More than can have passed: all of it.
    await pressure('cpu', 1_000_000_000_000);
    expect(await meter.read()).toEqual({ cpu: 1, memory: 0 });
    expect(await meter.read()).toEqual({ cpu: 0, memory: 0 });
  });

  it('counts memory from the last tenth on', async () => {
    await pressure('cpu', 0);
    await writeFile(join(folder, 'meminfo'), 'MemTotal: 1000 kB\nMemAvailable: 50 kB\n');
    expect((await new LoadMeter(folder).read()).memory).toBeCloseTo(0.5);
    await writeFile(join(folder, 'meminfo'), 'MemTotal: 1000 kB\nMemAvailable: 500 kB\n');
    expect((await new LoadMeter(folder).read()).memory).toBe(0);
  });

  it('does with the load where the kernel tells no pressure', async () => {
    const load = await new LoadMeter(folder).read();
    expect(load.cpu).toBeGreaterThanOrEqual(0);
    expect(load.cpu).toBeLessThanOrEqual(1);
  });
});
