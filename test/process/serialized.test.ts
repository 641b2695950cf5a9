import { serialize, unserialize } from 'php-serialize';
import { describe, expect, it } from 'vitest';

import { Serialized } from '../../src/process/serialized.js';

describe('Serialized', () => {
  it('gets one more member at its end, whatever the others hold', () => {
    const before = Buffer.concat([
      Buffer.from('a:2:{i:0;s:3:"j}b";i:1;s:2:"'),
      Buffer.from([0xe9, 0x7d]),
      Buffer.from('";}'),
    ]);
    const after = new Serialized(before).and({ due: 60 }).bytes;
    expect(after.toString('latin1')).toBe(
      `a:3:{${before.subarray(5, -1).toString('latin1')}i:2;${serialize({ due: 60 })}}`,
    );
    expect(unserialize(new Serialized(Buffer.from('a:0:{}')).and('x').bytes.toString())).toEqual(['x']);
  });

  it.each(['', 's:1:"a";', 'O:1:"X":0:{}', 'a:1:{i:0;i:1;'])('is no list: %s', (text) => {
    expect(() => new Serialized(Buffer.from(text)).and(1)).toThrow('list');
  });
});
