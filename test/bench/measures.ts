import { setTimeout as pause } from 'node:timers/promises';
import type { BootedSite } from '../harness/booted-site.js';
import { cpu, median, percentile, tree } from './figures.js';
import { Reports } from './reports.js';
import { prepareStart, sendStart, type Side } from './sides.js';

/** The clock of the machine in seconds, finer than Date.now() and set anew each time. */
function clock(): () => number {
  const start = Date.now();
  let tick = start;
  while (tick === start) {
    tick = Date.now();
  }
  const at = performance.now();
  return () => (tick + performance.now() - at) / 1000;
}

/** Milliseconds from the dispatch to the first line of the callback, one start after another. */
export async function latency(site: BootedSite, side: Side, count: number, gap: number): Promise<number[]> {
  const reports = await Reports.open();
  const host = new URL(site.uris[0] ?? '').host;
  const found: number[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const { id, path } = await prepareStart(site, reports);
      await pause(gap);
      const now = clock();
      const sent = now();
      const closed = sendStart(side.port, path, host);
      found.push(((await reports.begun(id)) - sent) * 1000);
      await closed;
    }
  } finally {
    reports.close();
  }
  return found;
}

/** What a burst of processes that do nothing came to. */
export interface Burst {
  readonly perSecond: number;
  /** CPU of the side for each process, in milliseconds. */
  readonly cpuMs: number;
  /** CPU of the database for each process, in milliseconds. */
  readonly databaseMs: number;
}

/** As many processes as fit, with so many starts in flight; one after another goes to each of the sides in turn. */
export async function burst(site: BootedSite, sides: readonly Side[], count: number, inFlight: number): Promise<Burst> {
  const reports = await Reports.open();
  const host = new URL(site.uris[0] ?? '').host;
  try {
    const starts = [];
    for (let index = 0; index < count; index += 1) {
      starts.push(await prepareStart(site, reports));
    }
    await pause(500);
    const cpuBefore = await cpuOf(sides);
    const databaseBefore = await cpu([site.server.pid ?? 0]);
    const begun = performance.now();
    const queue = [...starts];
    let turn = 0;
    const lane = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        await sendStart(sides[(turn += 1) % sides.length]?.port ?? 0, next.path, host);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    await Promise.all(starts.map(({ id }) => reports.begun(id)));
    await noRows(site);
    const seconds = (performance.now() - begun) / 1000;
    await pause(300);
    return {
      perSecond: count / seconds,
      cpuMs: ((await cpuOf(sides)) - cpuBefore) / count,
      databaseMs: ((await cpu([site.server.pid ?? 0])) - databaseBefore) / count,
    };
  } finally {
    reports.close();
  }
}

/** Milliseconds of CPU that these sides have used, with all of their processes. */
export async function cpuOf(sides: readonly Side[]): Promise<number> {
  const trees = await Promise.all(sides.map(({ pid }) => tree(pid)));
  return cpu(trees.flat());
}

async function noRows(site: BootedSite): Promise<void> {
  for (;;) {
    const [row] = await site.sql<{ n: number }>('SELECT COUNT(*) AS n FROM {background_process}');
    if (Number(row?.n) === 0) {
      return;
    }
    await pause(5);
  }
}

/** What visitors and processes felt while many slow processes ran. */
export interface Crowd {
  readonly idleP50: number;
  readonly p50: number;
  readonly worst: number;
  /** Seconds until the last process had ended. */
  readonly seconds: number;
  readonly twice: number;
}

/** Home pages of the web server while slow processes are started all at once. */
export async function crowd(
  site: BootedSite,
  side: Side,
  pages: number,
  count: number,
  runSeconds: number,
): Promise<Crowd> {
  const reports = await Reports.open();
  const host = new URL(site.uris[0] ?? '').host;
  const page = async (): Promise<number> => {
    const begun = performance.now();
    const socket = await import('node:http').then(
      ({ get }) =>
        new Promise<number>((resolve, reject) => {
          get({ port: pages, host: '127.0.0.1', path: '/', headers: { host } }, (answer) => {
            answer.resume();
            answer.on('end', () => {
              resolve(answer.statusCode ?? 0);
            });
          }).on('error', reject);
        }),
    );
    if (socket !== 200) {
      throw new Error(`the home page answered ${String(socket)}`);
    }
    return performance.now() - begun;
  };
  try {
    const idle: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      idle.push(await page());
    }
    const starts = [];
    for (let index = 0; index < count; index += 1) {
      starts.push(await prepareStart(site, reports, runSeconds));
    }
    const during: number[] = [];
    const state = { over: false };
    const begun = performance.now();
    const visitor = (async () => {
      while (!state.over) {
        during.push(await page());
        await pause(20);
      }
    })();
    const sent = starts.map(({ path }) => sendStart(side.port, path, host));
    await Promise.all(starts.map(({ id }) => reports.begun(id)));
    await noRows(site);
    const seconds = (performance.now() - begun) / 1000;
    state.over = true;
    await visitor;
    await Promise.all(sent);
    return {
      idleP50: median(idle),
      p50: median(during),
      worst: percentile(during, 1),
      seconds,
      twice: reports.twice,
    };
  } finally {
    reports.close();
  }
}
