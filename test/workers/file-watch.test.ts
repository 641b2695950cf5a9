import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { FileWatch } from '../../src/workers/file-watch.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drupald-watch-'));
  file = join(folder, 'a.module');
  await writeFile(file, 'one');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A watch that began long after the file was written, whatever the clock of the file system. */
const watch = (paths: readonly string[]): FileWatch => new FileWatch(paths, Date.now() + 60_000);
const now = (): number => performance.now();

it('sees no change where there is none', () => {
  const files = watch([file]);
  expect(files.changedAt(now())).toBeUndefined();
  expect(files.changedAt(now())).toBeUndefined();
});

it.each([
  ['another text of the same length', () => writeFile(file, 'two')],
  ['an older time stamp', () => utimes(file, 1, 1)],
  ['its removal', () => rm(file)],
])('sees %s', async (_what, change) => {
  const files = watch([file]);
  expect(files.changedAt(now())).toBeUndefined();
  // Time stamps of a file system move in steps.
  await pause(20);
  await change();
  expect(files.changedAt(now())).toBe(file);
});

it('sees a file that was not there', async () => {
  const missing = join(folder, 'sites.php');
  const files = watch([missing]);
  await writeFile(missing, '');
  expect(files.changedAt(now())).toBe(missing);
});

it('does not look again for a start that came before the last look', async () => {
  const files = watch([file]);
  const before = now();
  expect(files.changedAt(before)).toBeUndefined();
  await rm(file);
  expect(files.changedAt(before)).toBeUndefined();
  expect(files.changedAt(now())).toBe(file);
});

it('takes a file that was changed while it may have been read for changed', () => {
  expect(new FileWatch([file], Date.now() - 60_000).changedAt(now())).toBe(file);
});
