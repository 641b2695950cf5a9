import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { CrashBook } from '../../src/outcome/crash-book.js';
import { completed, signalled } from '../../src/process/outcome.js';

const crash = signalled('SIGSEGV', 'work');
const limit = { after: 3, within: 1_000 };
let dir: string;
let books: CrashBook[];

function open(crashLimit: ConstructorParameters<typeof CrashBook>[1]): CrashBook {
  const book = new CrashBook(dir, crashLimit);
  books.push(book);
  return book;
}

beforeEach(async () => {
  books = [];
  dir = await mkdtemp(join(tmpdir(), 'drupald-crashes-'));
});

afterEach(async () => {
  await Promise.all(books.map((book) => book.written));
  await rm(dir, { recursive: true });
});

it('counts the crashes of a handle within the time, without regard to case', () => {
  const book = open(limit);
  book.note('site', 'A', crash, 0);
  book.note('site', 'a', crash, 500);
  book.note('other', 'a', crash, 500);
  expect(book.evidence('site', 'A', 600)).toBeUndefined();
  book.note('site', 'a', crash, 900);
  expect(book.evidence('site', 'a', 1_000)).toHaveLength(3);
  expect(book.evidence('site', 'a', 1_001)).toBeUndefined();
});

it('counts over good ends between them, and begins anew when it is told to', () => {
  const book = open({ after: 2, within: 1_000 });
  book.note('site', 'a', crash, 0);
  book.note('site', 'a', completed, 1);
  expect(book.evidence('site', 'a', 2)).toBeUndefined();
  book.note('site', 'a', crash, 3);
  expect(book.evidence('site', 'a', 4)).toHaveLength(2);
  book.forget('site', 'a');
  expect(book.evidence('site', 'a', 4)).toBeUndefined();
});

it('never sets anything aside when it is switched off', () => {
  const book = open({ after: 0, within: 1_000 });
  book.note('site', 'a', crash, 0);
  expect(book.evidence('site', 'a', 0)).toBeUndefined();
});

it('remembers over a restart, and starts with nothing when its file is spoilt', async () => {
  const book = open({ after: 1, within: 1_000 });
  book.note('site', 'a', crash, 0);
  await book.written;
  expect(open({ after: 1, within: 1_000 }).evidence('site', 'a', 1)).toHaveLength(1);
  await writeFile(join(dir, 'crashes.json'), '{"site a": 7');
  expect(open({ after: 1, within: 1_000 }).evidence('site', 'a', 1)).toBeUndefined();
});

it('writes down many crashes at once, and forgets those that no longer count', async () => {
  const book = open(limit);
  book.note('site', 'old', crash, 0);
  await book.written;
  const stringify = vi.spyOn(JSON, 'stringify');
  const handles = Array.from({ length: 100 }, (_, index) => `new-${index}`);
  for (const handle of handles) {
    book.note('site', handle, crash, 5_000);
  }
  await book.written;
  expect(stringify).toHaveBeenCalledTimes(1);
  stringify.mockRestore();
  const kept = JSON.parse(await readFile(join(dir, 'crashes.json'), 'utf8')) as object;
  expect(Object.keys(kept)).toEqual(handles.map((handle) => `site ${handle}`));
});
