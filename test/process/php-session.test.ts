import { expect, test } from 'vitest';

import { readPhpSession } from '../../src/process/php-session.js';
import { phpMember } from '../../src/process/php-value.js';

const read = (text: string) => readPhpSession(Buffer.from(text));

test('names and values stand one behind the other', () => {
  const session = read('batches|a:2:{i:7;b:1;i:9;b:1;}messages|a:1:{s:6:"status";a:1:{i:0;s:4:"für";}}count|i:3;');
  expect([...session.keys()]).toEqual(['batches', 'messages', 'count']);
  expect(phpMember(session, 'batches', '9')).toBe(true);
  expect(phpMember(session, 'count')).toBe(3);
});

test('what a value only quotes is no name', () => {
  const session = read('note|s:26:"x";batches|a:1:{i:7;b:1;}y";');
  expect([...session.keys()]).toEqual(['note']);
});

test('of what breaks off, what stands before is read', () => {
  expect([...read('one|i:1;two|a:3:{i:0;').keys()]).toEqual(['one']);
  expect([...read('nothing').keys()]).toEqual([]);
  expect([...read('').keys()]).toEqual([]);
});
