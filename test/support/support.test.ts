import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/support/backoff.js';
import { formatBytes, parseBytes } from '../../src/support/bytes.js';
import { clockAhead, monotonicMs } from '../../src/support/clock.js';
import { Deferred } from '../../src/support/deferred.js';
import { didYouMean } from '../../src/support/did-you-mean.js';
import { formatDuration, parseDuration } from '../../src/support/duration.js';

describe('parseDuration', () => {
  it.each([
    ['30 s', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['1.5 h', 5_400_000],
    ['1 h 30 min', 5_400_000],
    ['2 min', 120_000],
    ['3 days', 259_200_000],
    ['15', 15_000],
    [15, 15_000],
    [0.25, 250],
    [0, 0],
  ])('%j is %d ms', (given, expected) => {
    expect(parseDuration(given)).toBe(expected);
  });

  it.each(['', 's', '30 parsecs', '-1 s', '1 s x', '1e3', Number.NaN, -1, Number.POSITIVE_INFINITY])(
    '%j is none',
    (given) => {
      expect(parseDuration(given)).toBeNull();
    },
  );
});

describe('formatDuration', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [999.7, '1 s'],
    [4230, '4.2 s'],
    [59_990, '1 min'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 4 h'],
    [-500, '-500 ms'],
  ])('%d is %s', (given, expected) => {
    expect(formatDuration(given)).toBe(expected);
  });
});

describe('another clock', () => {
  it.each([
    ['that shows the same, however long its answer takes', 1_000.5, 1_000_000, 1_009_000, 0],
    ['that is ahead by three seconds at least', 1_004, 1_000_000, 1_001_000, 3],
    ['that is behind by two seconds at least', 998, 1_000_000, 1_001_000, -2],
  ])('%s', (_what, theirs, before, after, expected) => {
    expect(clockAhead(theirs, before, after)).toBe(expected);
  });
});

describe('bytes', () => {
  it.each([
    ['1 MB', 1_048_576],
    ['64k', 65_536],
    ['1.5 GiB', 1_610_612_736],
    ['512', 512],
    ['10 B', 10],
    [7, 7],
  ])('%j is %d bytes', (given, expected) => {
    expect(parseBytes(given)).toBe(expected);
  });

  it.each(['', 'MB', '-1 MB', '1 XB', 1.5, -1])('%j is no size', (given) => {
    expect(parseBytes(given)).toBeNull();
  });

  it('writes them for people', () => {
    expect([0, 1023, 1536, 1_048_576].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KB', '1 MB']);
  });
});

describe('didYouMean', () => {
  const known = ['listen', 'backlog.max', 'state_dir', 'log.level', 'slots'];

  it.each([
    ['lisen', 'listen'],
    ['stateDir', 'state_dir'],
    ['state-dir', 'state_dir'],
    ['log.levle', 'log.level'],
    ['SLOT', 'slots'],
  ])('%s means %s', (word, expected) => {
    expect(didYouMean(word, known)).toBe(expected);
  });

  it('does not guess wildly', () => {
    expect(didYouMean('colour', known)).toBeNull();
  });
});

describe('Backoff', () => {
  it('grows to its cap and begins again after a reset', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0 });
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoff.count).toBe(6);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('stays within cap and jitter after very many failures', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1000, jitter: 0.5 });
    for (let attempt = 0; attempt < 5000; attempt += 1) {
      const pause = backoff.next();
      expect(pause).toBeGreaterThanOrEqual(50);
      expect(pause).toBeLessThanOrEqual(1000);
    }
  });
});

describe('Deferred', () => {
  it('keeps what came first', async () => {
    const deferred = new Deferred<number>();
    expect(deferred.settled).toBe(false);
    deferred.resolve(1);
    deferred.reject(new Error('late'));
    deferred.resolve(2);
    expect(deferred.settled).toBe(true);
    await expect(deferred.promise).resolves.toBe(1);
  });

  it('rejects', async () => {
    const deferred = new Deferred().ignoreRejection();
    deferred.reject(new Error('no'));
    await expect(deferred.promise).rejects.toThrow('no');
  });
});

it('the monotonic clock never goes back', () => {
  const first = monotonicMs();
  expect(monotonicMs()).toBeGreaterThanOrEqual(first);
});
