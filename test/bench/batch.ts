import { setTimeout as pause } from 'node:timers/promises';

import type { BootedSite } from '../harness/booted-site.js';
import { onBenchSite } from './bench-site.js';
import { median } from './figures.js';
import { batchPages } from './batch-pages.js';
import { batchPolls } from './batch-polls.js';
import { apacheSide, daemonSide } from './sides.js';

/** What is measured of batches. */
export interface BatchBenchOptions {
  readonly rounds: number;
  /** `process`: in the same kind of process; `page`: from a page to its end; `poll`: what a page costs that asks; all without it. */
  readonly only?: readonly string[] | undefined;
}

/** Operations of each batch, and microseconds that each of them sleeps. */
const cases = [
  { name: '5,000 operations that do nothing', operations: 5_000, sleeps: '' },
  { name: '60 operations of 0.2 s', operations: 60, sleeps: '200000' },
] as const;

/** How a batch is run, in the same kind of process of drupald each time. */
const ways = [
  { name: 'driver', callback: '_background_batch_process', lifespan: 10_000 },
  { name: "module's function, 10 s a process", callback: 'drupald_fixture_stock_batch', lifespan: 10_000 },
  { name: "module's function, one process", callback: 'drupald_fixture_stock_batch', lifespan: 600_000 },
] as const;

/** Batches in drupald's driver beside the module's own function, and beside Drupal's own pages. */
export async function batchBench({ rounds, only }: BatchBenchOptions): Promise<void> {
  const wants = (name: string): boolean => only?.includes(name) ?? true;
  await onBenchSite(async ({ site, folder, use }) => {
    if (wants('process')) {
      const side = await use(daemonSide('process', site, folder));
      await site.setServiceHost(`http://127.0.0.1:${side.port}`, 'site.test');
      await inOneProcess(site, rounds);
      await side.stop();
    }
    if (wants('page')) {
      const web = await use(apacheSide(site, folder));
      await batchPages(site, folder, web, rounds);
      await web.stop();
    }
    if (wants('poll')) {
      const side = await use(daemonSide('process', site, folder));
      await batchPolls(site, await use(apacheSide(site, folder)), side, rounds);
    }
  });
}

/** The driver beside the module's function, in the same kind of process. */
async function inOneProcess(site: BootedSite, rounds: number): Promise<void> {
  for (const one of cases) {
    const found = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ways) {
        await site.variable('background_batch_process_lifespan', way.lifespan);
        found.get(way.name)?.push(await seconds(site, one, way.callback));
      }
    }
    for (const [name, all] of found) {
      console.log(`${one.name}, ${name}: ${median(all).toFixed(2)} s (${all.map((s) => s.toFixed(2)).join(', ')})`);
    }
  }
}

/** Seconds from the start of a batch until its operations are done and saved. */
async function seconds(site: BootedSite, one: (typeof cases)[number], callback: string): Promise<number> {
  const operations = Array.from({ length: one.operations }, (_, index) => [index + 1, one.sleeps]);
  const set = { label: 'bench', function: 'drupald_fixture_idle_operation', operations };
  const bid = await site.php<number>('return drupald_fixture_make_batch(1, $args);', [set]);
  const began = performance.now();
  await site.php(
    '$p = new BackgroundProcess("background_batch:" . $args[0]); $p->uid = 1; $p->service_host = "default"; $p->lock();' +
      ' progress_initialize_progress("_background_batch:" . $args[0], ""); $p->execute($args[1], array($args[0]));',
    [bid, callback],
  );
  for (;;) {
    const left = await site.sql('SELECT 1 FROM {queue} WHERE name = ? LIMIT 1', [`drupal_batch:${bid}:0`]);
    const runs = await site.sql('SELECT 1 FROM {background_process} WHERE handle = ?', [`background_batch:${bid}`]);
    if (left.length === 0 && runs.length === 0) {
      return (performance.now() - began) / 1000;
    }
    await pause(20);
  }
}
