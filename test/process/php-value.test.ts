import { serialize } from 'php-serialize';
import { expect, test } from 'vitest';
import { phpMember, readPhp } from '../../src/process/php-value.js';

const read = (text: string) => readPhp(Buffer.from(text));

test.each([
  ['N;', null],
  ['b:1;', true],
  ['b:0;', false],
  ['i:-7;', -7],
  ['d:0.25;', 0.25],
  ['s:5:"caf\u00e9";', 'café'],
  ['s:4:"a";b";', 'a";b'],
])('reads %s', (text, value) => {
  expect(read(text)).toBe(value);
});

test('reads arrays whatever stands in them', () => {
  const value = read(
    'a:5:{s:1:"o";O:8:"stdClass":1:{s:1:"x";a:1:{i:0;i:1;}}s:1:"c";C:11:"ArrayObject":21:{x:i:0;a:0:{};m:a:0:{}}' +
      's:1:"e";E:7:"Suit:No";s:1:"r";R:1;i:4;a:1:{s:4:"deep";i:3;}}',
  );
  expect(phpMember(value, 'o')).toEqual({ className: 'stdClass' });
  expect(phpMember(value, 'c')).toEqual({ className: 'ArrayObject' });
  expect(phpMember(value, 'e')).toEqual({ className: 'Suit:No' });
  expect(phpMember(value, '4', 'deep')).toBe(3);
  expect(phpMember(value, 'o', 'x')).toBeUndefined();
});

test('reads what another writer makes of the same', () => {
  const value = read(serialize({ sets: [{ count: 3, title: 'ä' }], uid: '12' }));
  expect([phpMember(value, 'sets', '0', 'count'), phpMember(value, 'uid')]).toEqual([3, '12']);
});

test.each(['', 'x:1;', 's:9:"short";', 'a:2:{i:0;i:1;}', 'a:1:{N;i:1;}', 'i:1'])('refuses %j', (text) => {
  expect(() => read(text)).toThrow('PHP has not serialized this');
});
