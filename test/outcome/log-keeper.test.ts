import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { prune } from '../../src/outcome/log-keeper.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drupald-logs-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** @param age days */
async function file(name: string, age: number): Promise<void> {
  await writeFile(join(folder, name), '');
  const at = Date.now() / 1000 - age * 86_400;
  await utimes(join(folder, name), at, at);
}

it('removes the oldest logs, and counts nothing else among them', async () => {
  await file('old.log', 3);
  await file('new.log', 1);
  await file('newest.log', 0);
  await file('unsettled.process', 4);
  await file('unsettled.spool', 4);
  expect(await prune(folder, 2)).toBe(1);
  expect((await readdir(folder)).sort()).toEqual(['new.log', 'newest.log', 'unsettled.process', 'unsettled.spool']);
});

it('removes notes that nobody has asked for in a month', async () => {
  await file('forgotten.hook', 31);
  await file('a.log', 31);
  expect(await prune(folder, 5)).toBe(1);
  expect(await readdir(folder)).toEqual(['a.log']);
});
