import { setTimeout as pause } from 'node:timers/promises';
import type { BootedSite } from '../harness/booted-site.js';
import { cpu, pss, title, tree } from './figures.js';
import { Reports } from './reports.js';
import { prepareStart, sendStart, type Side } from './sides.js';

/** Proportional memory of each process of a daemon, at rest and at work, and its CPU at rest. */
export async function memory(site: BootedSite, side: Side): Promise<string[]> {
  const lines: string[] = [];
  const reports = await Reports.open();
  try {
    await pause(3_000);
    const before = await cpu(await tree(side.pid));
    await pause(20_000);
    const idle = ((await cpu(await tree(side.pid))) - before) / 20_000;
    lines.push(`${side.name}, at rest: ${(idle * 100).toFixed(2)} % of a core; ${await sizes(side)}`);
    const { id, path } = await prepareStart(site, reports, 3);
    const quick = await prepareStart(site, reports);
    const host = new URL(site.uris[0] ?? '').host;
    await sendStart(side.port, quick.path, host);
    await reports.begun(quick.id);
    await pause(300);
    await sendStart(side.port, path, host);
    await reports.begun(id);
    await pause(200);
    lines.push(`${side.name}, one process running: ${await sizes(side)}`);
    await pause(3_500);
  } finally {
    reports.close();
  }
  return lines;
}

async function sizes(side: Side): Promise<string> {
  const parts: string[] = [];
  let sum = 0;
  for (const pid of await tree(side.pid)) {
    const size = await pss(pid);
    if (!Number.isNaN(size)) {
      sum += size;
      parts.push(
        `${pid === side.pid ? 'daemon' : ((await title(pid)).replace(/^drupald /, '').split(' ')[0] ?? '?')} ${size.toFixed(1)}`,
      );
    }
  }
  return `${sum.toFixed(1)} MB PSS in all (${parts.join(', ')})`;
}
