import { setTimeout as pause } from 'node:timers/promises';

import { BatchBrowser } from '../harness/batch-browser.js';
import type { BootedSite } from '../harness/booted-site.js';
import { median } from './figures.js';
import { daemonSide, type Side } from './sides.js';

/** Operations of each batch, microseconds that each of them sleeps, and the share at which the page is closed. */
const cases = [
  { name: '5,000 operations that do nothing', count: 5_000, mood: '', closedAt: 100 },
  { name: '60 operations of 0.2 s', count: 60, mood: '200000', closedAt: 100 },
  { name: '60 operations of 0.2 s, page closed at 20 %', count: 60, mood: '200000', closedAt: 20 },
] as const;

/** Who runs a batch, and milliseconds that its page rests between two questions, as its script does. */
const ways = [
  { name: 'mod_php, background_batch', module: true, daemon: false, rest: 1_000 },
  { name: "mod_php, Drupal's own Batch API", module: false, daemon: false, rest: 10 },
  { name: 'drupald, background_batch', module: true, daemon: true, rest: 1_000 },
] as const;

/** What is run. */
interface Case {
  readonly count: number;
  readonly mood: string;
  readonly closedAt: number;
}

/** What a batch came to: seconds until its end was seen, or its operations were done; undefined: it stood still. */
interface Came {
  readonly seconds: number | undefined;
  readonly done: number;
}

/** Milliseconds without any progress after which a batch counts as one that stands still. */
const still = 5_000;

/** Batches from the first page to the last one, by all ways in turn, and with a page that is closed. */
export async function batchPages(site: BootedSite, folder: string, web: Side, rounds: number): Promise<void> {
  const browser = await BatchBrowser.signIn(`http://127.0.0.1:${web.port}`, site);
  for (const one of cases) {
    const found = new Map<string, Came[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ways) {
        await site.php(
          `module_${way.module ? 'enable' : 'disable'}(array('background_batch')); menu_rebuild(); return TRUE;`,
        );
        // Only while it is measured: else it would go on with what the others have left.
        const side = way.daemon ? await daemonSide('process', site, folder) : undefined;
        try {
          await site.setServiceHost(`http://127.0.0.1:${(side ?? web).port}`, 'site.test');
          await drive(site, browser, { count: 20, mood: '', closedAt: 100 }, way.rest);
          found.get(way.name)?.push(await drive(site, browser, one, way.rest));
        } finally {
          await side?.stop();
        }
      }
    }
    tell(one.name, one.count, found);
  }
}

/** Opens a batch, asks as its page does, and waits for its end. */
async function drive(site: BootedSite, browser: BatchBrowser, one: Case, rest: number): Promise<Came> {
  const { count, mood } = one;
  const sets = [{ label: 'bench', function: 'drupald_fixture_idle_operation', operations: [], count, mood }];
  const id = await browser.begin(sets);
  const began = performance.now();
  await browser.start(id);
  for (;;) {
    const share = Number((await browser.poll(id)).percentage);
    if (share === 100) {
      await browser.finish(id);
      return { seconds: (performance.now() - began) / 1000, done: count };
    }
    if (share >= one.closedAt) break;
    await pause(rest);
  }
  let left = count;
  let moved = performance.now();
  for (;;) {
    const [row] = await site.sql<{ count: number }>('SELECT COUNT(*) AS count FROM {queue} WHERE name = ?', [
      `drupal_batch:${id}:0`,
    ]);
    const now = performance.now();
    if (Number(row?.count) !== left) {
      left = Number(row?.count);
      moved = now;
    }
    if (left === 0) return { seconds: (now - began) / 1000, done: count };
    if (now - moved > still) return { seconds: undefined, done: count - left };
    await pause(20);
  }
}

function tell(what: string, count: number, found: ReadonlyMap<string, readonly Came[]>): void {
  const mediansOf = new Map(
    [...found].map(([name, all]) => [name, median(all.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY))]),
  );
  const [first = Number.NaN] = mediansOf.values();
  for (const [name, all] of found) {
    const seconds = mediansOf.get(name) ?? Number.NaN;
    const each = all.map((one) => one.seconds?.toFixed(2) ?? `stood still at ${one.done} of ${count}`).join(', ');
    const ratio = Number.isFinite(seconds) ? `${seconds.toFixed(2)} s, ${(seconds / first).toFixed(2)} ×` : 'never';
    console.log(`${what}, ${name}: ${ratio} (${each})`);
  }
}
