import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { closeLog, cutLog, cutMark } from '../../src/outcome/run-log.js';
import { completed, lost } from '../../src/process/outcome.js';

/** Bytes that may stand behind the limit: the shim's mark and PHP's last error line. */
const slack = cutMark.length + 65_536;

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drupald-log-'));
  file = join(dir, 'run.log');
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('cutLog', () => {
  it('leaves a log alone that is within its limit, with what may stand behind it', async () => {
    await writeFile(file, 'x'.repeat(100 + slack));
    expect(await cutLog(file, 100)).toBe(false);
    expect((await stat(file)).size).toBe(100 + slack);
  });

  it('cuts a longer one to its limit and says so', async () => {
    await writeFile(file, 'x'.repeat(101 + slack));
    expect(await cutLog(file, 100)).toBe(true);
    expect(await readFile(file, 'utf8')).toBe('x'.repeat(100) + cutMark);
  });

  it('takes a missing log as empty', async () => {
    expect(await cutLog(file, 0)).toBe(false);
  });

  it('has the mark that the shim writes', async () => {
    const shim = await readFile(new URL('../../php-shim/src/OutputLog.php', import.meta.url), 'utf8');
    expect(shim).toContain(JSON.stringify(cutMark).slice(1, -1));
  });
});

describe('closeLog', () => {
  const bad = lost('job', 'nobody knows');

  it('removes an empty log of a run that completed', async () => {
    await writeFile(file, '');
    await closeLog(file, 100, completed);
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('minds no log that never was', async () => {
    await expect(closeLog(file, 100, completed)).resolves.toBeUndefined();
  });

  it('keeps what a run printed that completed', async () => {
    await writeFile(file, 'hello\n');
    await closeLog(file, 100, completed);
    expect(await readFile(file, 'utf8')).toBe('hello\n');
  });

  it('writes the cause of a bad end as the last line, also where nothing was printed', async () => {
    await closeLog(file, 100, bad);
    expect(await readFile(file, 'utf8')).toBe(`[drupald: ${bad.sentence}]\n`);
  });

  it('writes it behind the cut of a log that is too long', async () => {
    await writeFile(file, 'x'.repeat(101 + slack));
    await closeLog(file, 100, bad);
    expect(await readFile(file, 'utf8')).toBe(`${'x'.repeat(100)}${cutMark}[drupald: ${bad.sentence}]\n`);
  });
});
