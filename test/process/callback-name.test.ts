import { describe, expect, it } from 'vitest';

import { callbackName } from '../../src/process/callback-name.js';

describe('callbackName', () => {
  it.each([
    ['s:10:"my_callbac";', 'my_callbac'],
    ['s:11:"Some::thing";', 'Some::thing'],
    ['s:3:"a"b";', 'a"b'],
    ['s:4:"a\nb\n";', 'a\nb\n'],
    ['s:2:"é";', 'é'],
    ['a:2:{i:0;s:5:"Queue";i:1;s:3:"run";}', 'Queue::run'],
    ['a:2:{i:0;O:5:"Queue":1:{s:4:"name";s:1:"x";}i:1;s:3:"run";}', 'Queue->run'],
    ['a:2:{i:0;O:5:"Queue":0:{}i:1;s:3:"run";}', 'Queue->run'],
    ['a:2:{i:0;C:5:"Store":3:{a;b}i:1;s:3:"run";}', 'Store->run'],
    // A property that looks like the end of the array.
    ['a:2:{i:0;O:1:"Q":1:{s:1:"p";s:13:"i:1;s:1:"x";}";}i:1;s:4:"real";}', 'Q->real'],
  ])('%j is %j', (serialized, name) => {
    expect(callbackName(serialized)).toBe(name);
  });

  it.each([null, '', 's:0:"";'])('%j is no callback', (serialized) => {
    expect(callbackName(serialized)).toBe('(none)');
  });

  it.each(['b:0;', 'i:5;', 'N;', 'garbage', 'a:1:{i:0;s:1:"x";}', 's:3:"abc"'])('%j is unreadable', (serialized) => {
    expect(callbackName(serialized)).toBe('(unreadable)');
  });
});
