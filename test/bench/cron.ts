import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { makeDue } from '../harness/cron.js';
import { event, events } from '../harness/fixture-log.js';
import type { MariaDb } from '../harness/mariadb.js';
import { enableModules } from '../harness/real-site.js';
import type { BootedSite } from '../harness/booted-site.js';
import { onBenchSite } from './bench-site.js';
import { cpu, median, percentile, tree } from './figures.js';
import { apacheSide, daemonSide, type Side } from './sides.js';

/** Pages a second. */
const rate = 20;

/** Seconds that the hook takes, and that pages are asked for. */
const hookSeconds = 20;

/** Jobs of Ultimate Cron besides those that every site has. */
const jobCount = 100;

/** What drupald costs a site by its cron, and what pages feel of it. */
export async function cronBench(rounds: number): Promise<void> {
  await onBenchSite(async ({ site, folder, server, use }) => {
    await site.variable('cron_safe_threshold', 3600);
    await site.variable('cron_last', Math.floor(Date.now() / 1000));
    const apache = await use(apacheSide(site, folder));
    const daemon = await use(daemonSide('process', site, folder));
    await pages(site, apache, rounds);
    await queue(site);
    await ticks(site, server, daemon);
  });
}

/** Home pages at a steady rate, without cron and beside hooks that sleep or use all of a processor. */
async function pages(site: BootedSite, apache: Side, rounds: number): Promise<void> {
  const found = new Map<string, number[]>();
  await visits(site, apache.port, 5);
  for (let round = 0; round < rounds; round += 1) {
    for (const mood of ['', `sleep ${hookSeconds}`, `busy ${hookSeconds}`]) {
      await site.sql('DELETE FROM {drupald_fixture_log}');
      if (mood !== '') {
        await site.variable('drupald_fixture_cron', mood);
        await makeDue(site);
        await event(site, 'cron', 'cron');
      }
      const name = mood === '' ? 'no cron' : `cron that ${mood.startsWith('sleep') ? 'sleeps' : 'computes'}`;
      found.set(name, [...(found.get(name) ?? []), ...(await visits(site, apache.port, hookSeconds - 1))]);
      if (mood !== '') {
        await event(site, 'cron', 'cron-over');
        const [begun] = await events(site, 'cron', 'cron');
        if ((await events(site, 'cron', 'cron')).length !== 1 || !begun?.detail?.includes('"sapi":"cli"')) {
          throw new Error('a page has run cron');
        }
      }
      await pause(1_000);
    }
  }
  await site.variable('drupald_fixture_cron', '');
  const quiet = percentile(found.get('no cron') ?? [], 0.99);
  for (const [name, all] of found) {
    const p99 = percentile(all, 0.99);
    console.log(
      `home page at ${rate} a second, ${name}: p50 ${median(all).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${(p99 / quiet).toFixed(2)} ×), worst ${percentile(all, 1).toFixed(1)} ms, ${all.length} pages`,
    );
  }
}

/** Milliseconds of each page, asked for at its time whatever the others take. */
async function visits(site: BootedSite, port: number, seconds: number): Promise<number[]> {
  const headers = { host: new URL(site.uris[0] ?? '').host };
  const start = performance.now();
  return Promise.all(
    Array.from({ length: seconds * rate }, async (_, index) => {
      const at = start + (index * 1000) / rate;
      await pause(Math.max(0, at - performance.now()));
      await new Promise<void>((resolve, reject) => {
        get({ port, host: '127.0.0.1', path: '/', headers }, (answer) => {
          answer.resume();
          answer.on('end', resolve);
        }).on('error', reject);
      });
      return performance.now() - at;
    }),
  );
}

/** From the moment at which an item is in the table to the first line of its worker. */
async function queue(site: BootedSite): Promise<void> {
  const created = new Map<string, number>();
  for (let index = 0; index < 100; index += 1) {
    const label = `item-${index}`;
    created.set(label, Date.now() / 1000);
    await site.php(`drupald_fixture_enqueue('drupald_fixture_work', array(array('${label}', ''))); return TRUE;`);
    await pause(50 + Math.random() * 450);
  }
  const late: number[] = [];
  for (const [label, at] of created) {
    late.push(((await event(site, label, 'work')).at - at) * 1000);
  }
  console.log(
    `queue item created → its worker begins: p50 ${median(late).toFixed(0)} ms, p95 ${percentile(late, 0.95).toFixed(0)} ms, worst ${percentile(late, 1).toFixed(0)} ms, ${late.length} items`,
  );
}

/** CPU of the daemon with all its PHP processes in minutes in which no job is due, with Ultimate Cron and without. */
async function ticks(site: BootedSite, server: MariaDb, daemon: Side): Promise<void> {
  const minutes = 3;
  const share = async (): Promise<{ side: number; database: number }> => {
    const own = await cpu(await tree(daemon.pid));
    const database = await cpu([server.pid ?? 0]);
    await pause(minutes * 60_000);
    const ms = minutes * 600;
    return {
      side: ((await cpu(await tree(daemon.pid))) - own) / ms,
      database: ((await cpu([server.pid ?? 0])) - database) / ms,
    };
  };
  const before = await share();
  const rare = { launcher: 'serial', rules: '0 0 29 2 *' };
  await site.variable(
    'drupald_fixture_jobs',
    Object.fromEntries(Array.from({ length: jobCount }, (_, index) => [`rare_${index}`, rare])),
  );
  await enableModules(site, ['ultimate_cron']);
  await site.php('drupal_flush_all_caches(); return TRUE;');
  // The first run of what the site has besides.
  await pause(90_000);
  const after = await share();
  console.log(
    `ticks of Ultimate Cron with ${jobCount} jobs: ${(after.side - before.side).toFixed(2)} % of a core more than without (${before.side.toFixed(2)} → ${after.side.toFixed(2)} %), MariaDB ${before.database.toFixed(2)} → ${after.database.toFixed(2)} %`,
  );
}
