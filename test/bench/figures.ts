import { readdir, readFile } from 'node:fs/promises';

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Process ids of a process and everything below it. */
export async function tree(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name)) {
      const parent = (await fields(Number(name)))?.[1];
      if (parent !== undefined) {
        children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(name)]);
      }
    }
  }
  const found = [pid];
  for (const one of found) {
    found.push(...(children.get(one) ?? []));
  }
  return found;
}

/** CPU time of processes with all that they have reaped, in milliseconds. */
export async function cpu(pids: readonly number[]): Promise<number> {
  let ticks = 0;
  for (const pid of pids) {
    const stat = await fields(pid);
    // utime, stime, cutime, cstime
    ticks += stat === undefined ? 0 : stat.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  }
  return ticks * 10;
}

/** Proportional memory of one process in MB. */
export async function pss(pid: number): Promise<number> {
  const text = await readFile(`/proc/${String(pid)}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1024;
}

/** How a process calls itself. */
export async function title(pid: number): Promise<string> {
  const text = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
  return text.replaceAll('\0', ' ').trim();
}

/** The fields of /proc/PID/stat behind the name: state, parent, … */
async function fields(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}
