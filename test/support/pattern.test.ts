import { describe, expect, it } from 'vitest';

import { firstMatch, matches } from '../../src/support/pattern.js';

describe('a pattern', () => {
  it.each([
    ['feeds_*', 'feeds_import', true],
    ['feeds_*', 'my_feeds_import', false],
    ['*', '', true],
    ['Class::*', 'Class::method', true],
    ['a.b', 'axb', false],
    ['[ab]', 'a', false],
    ['a*c', 'a\nc', true],
  ])('%j and %j', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it('is tried in the order in which they were written', () => {
    expect(firstMatch({ 'feeds_*': 1, feeds_import: 2 }, 'feeds_import')).toBe(1);
    expect(firstMatch({ 'feeds_*': 1 }, 'other')).toBeUndefined();
  });
});
