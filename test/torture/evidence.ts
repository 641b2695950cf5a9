import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One line that the fixture module wrote into the file of a handle. */
export interface Trace {
  /** Seconds since 1970. */
  readonly at: number;
  readonly pid: number;
  readonly what: string;
  readonly detail: string;
}

/** Reads all files of a folder of evidence, by handle. */
export async function readEvidence(folder: string): Promise<Map<string, readonly Trace[]>> {
  const found = new Map<string, readonly Trace[]>();
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), 'utf8');
    found.set(
      decodeURIComponent(name),
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [at = '', pid = '', what = '', detail = ''] = line.split('\t');
          return { at: Number(at), pid: Number(pid), what, detail };
        }),
    );
  }
  return found;
}

/** Runs that a ledger has begun and not ended, by their handles. */
export function openInLedger(text: string): string[] {
  const open = new Map<string, string>();
  for (const line of text.split('\n')) {
    const entry = parse(line);
    if (entry?.[0] === 'run') {
      const run = entry[1] as { id: string; handle: string };
      open.set(run.id, run.handle);
    } else if (entry?.[0] === 'over') {
      open.delete(entry[1] as string);
    }
  }
  return [...open.values()];
}

function parse(line: string): readonly unknown[] | undefined {
  try {
    return JSON.parse(line) as readonly unknown[];
  } catch {
    return undefined;
  }
}
