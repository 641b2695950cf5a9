import { describe, expect, it } from 'vitest';

import { shownClock } from '../../src/workers/php-command.js';

describe('shownClock', () => {
  it('hands on what libfaketime needs, and nothing else', () => {
    const library = '/usr/$LIB/faketime/libfaketime.so.1';
    const env = { LD_PRELOAD: library, FAKETIME: '-2475029', FAKETIME_SHARED: '/a /b', HOME: '/root' };
    expect(shownClock(env)).toEqual({ LD_PRELOAD: library, FAKETIME: '-2475029', FAKETIME_SHARED: '/a /b' });
  });

  it('hands on no other library', () => {
    expect(shownClock({ LD_PRELOAD: '/usr/lib/libjemalloc.so.2', FAKETIME: '+1h' })).toEqual({});
    expect(shownClock({ HOME: '/root' })).toEqual({});
  });
});
