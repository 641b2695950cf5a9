import { setTimeout as pause } from 'node:timers/promises';
import { onBenchSite } from './bench-site.js';
import { median, percentile } from './figures.js';
import { burst, crowd, latency } from './measures.js';
import { memory } from './memory.js';
import { Report } from './report.js';
import { apacheSide, daemonSide } from './sides.js';

/** What to measure. */
export interface BenchOptions {
  /** Names of measures; all without it. */
  readonly only?: readonly string[] | undefined;
  readonly rounds: number;
  /** Whether to write docs/benchmarks.md. */
  readonly write: boolean;
}

/** Milliseconds from which a gap is too long to be waited for by one side after another. */
const long = 1_000;

/** Runs the measures on one site and one database, the sides in turn, and prints what they came to. */
export async function bench(options: BenchOptions): Promise<void> {
  await onBenchSite(async ({ site, folder, use }) => {
    await site.configure({ conf: { background_process_service_hosts: { bench: { base_url: 'http://127.0.0.1:1' } } } });
    const apache = await use(apacheSide(site, folder));
    const sides = [apache, await use(daemonSide('process', site, folder, { isolation: 'process' }))];
    for (const isolation of ['shared', 'fresh'] as const) {
      sides.push(await use(daemonSide(isolation, site, folder, { isolation })));
    }
    const report = new Report(options.write);
    const wants = (name: string): boolean => options.only?.includes(name) ?? true;
    for (const side of sides) {
      await latency(site, side, 10, 10);
    }
    for (const [name, gap, count] of [
      ['60ms', 60, 40],
      ['5s', 5_000, 6],
      ['120s', 120_000, 1],
    ] as const) {
      if (wants(name)) {
        const found = new Map<string, number[]>();
        for (let round = 0; round < options.rounds * (gap < long ? 1 : count); round += 1) {
          if (gap >= long) {
            // All of them rest at the same time, then each is asked once.
            await pause(gap);
          }
          for (const side of sides) {
            const all = gap < long ? await latency(site, side, count, gap) : await latency(site, side, 1, 500);
            found.set(side.name, [...(found.get(side.name) ?? []), ...all]);
          }
        }
        report.compare(`dispatch → callback, gaps of ${name}, p50`, 'ms', mapped(found, median));
        report.compare(
          `dispatch → callback, gaps of ${name}, p95`,
          'ms',
          mapped(found, (all) => percentile(all, 0.95)),
        );
      }
    }
    if (wants('burst')) {
      const found = new Map<string, Awaited<ReturnType<typeof burst>>[]>();
      for (let round = 0; round < options.rounds; round += 1) {
        for (const side of sides) {
          found.set(side.name, [...(found.get(side.name) ?? []), await burst(site, [side], 300, 12)]);
        }
      }
      report.compare(
        'no-op processes a second',
        '/s',
        mapped(found, (all) => median(all.map((one) => one.perSecond))),
      );
      report.compare(
        'CPU of the side per no-op',
        'ms',
        mapped(found, (all) => median(all.map((one) => one.cpuMs))),
      );
      report.compare(
        'CPU of MariaDB per no-op',
        'ms',
        mapped(found, (all) => median(all.map((one) => one.databaseMs))),
      );
    }
    if (wants('crowd')) {
      for (const side of sides.slice(0, 2)) {
        const found = await crowd(site, side, apache.port, 300, 2);
        report.note(
          `300 two-second processes at once, ${side.name}: home page p50 ${found.p50.toFixed(0)} ms (idle ${found.idleP50.toFixed(0)} ms), worst ${found.worst.toFixed(0)} ms; all over after ${found.seconds.toFixed(1)} s, ${String(found.twice)} ran twice`,
        );
      }
    }
    if (wants('memory')) {
      for (const side of sides.slice(1)) {
        for (const line of await memory(site, side)) {
          report.note(line);
        }
      }
    }
    await report.end();
  });
}

function mapped<T>(found: ReadonlyMap<string, T[]>, figure: (all: T[]) => number): Map<string, number> {
  return new Map([...found].map(([name, all]) => [name, figure(all)]));
}
