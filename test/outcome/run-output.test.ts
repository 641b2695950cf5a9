import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { hasLog, readLog } from '../../src/outcome/log-reader.js';
import { readOutput } from '../../src/outcome/run-output.js';
import { Secrets, secretsOf } from '../../src/outcome/secrets.js';

let dir = '';
let count = 0;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'drupald-output-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

function log(text: string | Buffer): string {
  count += 1;
  const file = join(dir, `${count}.log`);
  writeFileSync(file, text);
  return file;
}

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('');

describe('readOutput', () => {
  it('is nothing without a log, or with an empty one', async () => {
    expect(await readOutput(join(dir, 'none.log'))).toBeUndefined();
    expect(await readOutput(log(''))).toBeUndefined();
  });

  it('keeps all of a short one', async () => {
    for (const text of ['a', 'a\n', 'a\nb', numbered(1, 20)]) {
      expect(await readOutput(log(text)), text).toEqual({ head: text, tail: '', bytes: text.length });
    }
  });

  it('keeps the first and the last lines of a long one', async () => {
    const all = numbered(1, 500);
    expect(await readOutput(log(all))).toEqual({
      head: numbered(1, 20),
      tail: numbered(481, 500),
      bytes: all.length,
    });
    expect(await readOutput(log(numbered(1, 25)))).toMatchObject({ head: numbered(1, 20), tail: numbered(21, 25) });
  });

  it('keeps a part of lines that are very long', async () => {
    const found = await readOutput(log('x'.repeat(10_000)));
    expect(found).toEqual({ head: 'x'.repeat(4096), tail: 'x'.repeat(4096), bytes: 10_000 });
    const second = await readOutput(log(`first\n${'x'.repeat(10_000)}\nlast\n`));
    expect(second).toMatchObject({ head: 'first\n', tail: 'last\n' });
  });
});

describe('readLog', () => {
  const ended = { live: () => false, signal: new AbortController().signal };
  const all = async (file: string, options: Partial<Parameters<typeof readLog>[1]> = {}): Promise<string> => {
    let text = '';
    for await (const piece of readLog(file, { ...ended, ...options })) text += piece;
    return text;
  };

  it('gives all of it, in pieces of whole lines and whole characters', async () => {
    const text = `${numbered(1, 30_000)}${'ä'.repeat(70_000)}\nend`;
    expect(await all(log(text))).toBe(text);
    expect(await all(join(dir, 'none.log'))).toBe('');
    expect(await hasLog(join(dir, 'none.log'))).toBe(false);
    expect(await hasLog(log(''))).toBe(false);
    expect(await hasLog(log('a'))).toBe(true);
  });

  it.each([
    [0, ''],
    [1, 'c'],
    [2, 'b\nc'],
    [3, 'a\nb\nc'],
    [9, 'a\nb\nc'],
  ])('gives the last %d lines', async (lines, text) => {
    expect(await all(log('a\nb\nc'), { lines })).toBe(text);
    expect(await all(log('a\nb\nc\n'), { lines })).toBe(text === '' ? '' : `${text}\n`);
  });

  it('finds the last lines of a long one', async () => {
    expect(await all(log(numbered(1, 40_000)), { lines: 30_000 })).toBe(numbered(10_001, 40_000));
  });

  it('goes on while the run lives, also over a log that was cut', async () => {
    const file = log('one\ntw');
    const steps = [() => appendFileSync(file, 'o\n'), () => truncateSync(file, 4), () => appendFileSync(file, 'cut\n')];
    let step = 0;
    const live = (): boolean => {
      // The first look comes before the first reading.
      if (step > 0) steps[step - 1]?.();
      step += 1;
      return step <= steps.length;
    };
    expect(await all(file, { live })).toBe('one\ntwo\ncut\n');
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    const pieces = readLog(log('one\n'), { live: () => true, signal: stop.signal });
    expect((await pieces.next()).value).toBe('one\n');
    stop.abort();
    expect((await pieces.next()).done).toBe(true);
  });
});

describe('Secrets', () => {
  it('hides long words, also as a stack trace cuts them, and leaves short ones', () => {
    const secrets = new Secrets(['correct horse battery staple', 'root', '']);
    expect(secrets.hide("connect('correct horse battery staple')")).toBe("connect('[hidden]')");
    expect(secrets.hide("connect('correct horse b...')")).toBe("connect('[hidden]...')");
    expect(secrets.hide('the root folder')).toBe('the root folder');
  });

  it('are the passwords of the databases and what the environment calls so', () => {
    expect(secretsOf({ default: { password: 'p' } }, { DB_PASSWORD: 'q', API_TOKEN: 'r', LANG: 'C' })).toEqual([
      'p',
      'q',
      'r',
    ]);
  });
});
