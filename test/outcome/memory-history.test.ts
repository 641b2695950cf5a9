import { describe, expect, it } from 'vitest';

import { isWanted, MemoryHistory, newestFirst } from '../../src/outcome/memory-history.js';
import { endedRun } from './history-fakes.js';

describe('isWanted', () => {
  const run = endedRun('1', 100, { handle: 'uc:Cron', callback: 'my_cron_job', outcome: 'threw' });

  it.each([
    [{}, true],
    [{ handle: 'uc:Cron' }, true],
    [{ handle: 'uc:cron' }, false],
    [{ callback: 'my_*_job' }, true],
    [{ callback: 'my_cron' }, false],
    [{ outcomes: ['fatal', 'threw'] as const }, true],
    [{ outcomes: ['completed'] as const }, false],
    [{ since: 100 }, true],
    [{ since: 100.5 }, false],
    [{ handle: 'uc:Cron', callback: 'other' }, false],
  ])('%j: %j', (filter, wanted) => {
    expect(isWanted(run, { ...filter, limit: 1 })).toBe(wanted);
  });
});

describe('newestFirst', () => {
  it('sorts, counts each run once, and leaves out what was printed unless it is asked for', () => {
    const output = { head: 'text', tail: '', bytes: 4 };
    const runs = [endedRun('1', 1), { ...endedRun('3', 3), output }, endedRun('2', 2), endedRun('3', 3)];
    const found = newestFirst(runs, { limit: 2 });
    expect(found.map(({ id }) => id)).toEqual(['3', '2']);
    expect(found[0]?.output).toBeUndefined();
    expect(newestFirst(runs, { limit: 1, output: true })[0]?.output).toEqual(output);
  });
});

describe('MemoryHistory', () => {
  it('forgets what is too old and too much', () => {
    const history = new MemoryHistory(3, 10_000);
    const now = Date.now() / 1000;
    history.add([endedRun('old', now - 11), ...['1', '2', '3', '4'].map((id) => endedRun(id, now + Number(id)))]);
    expect(history.find({ limit: 10 }).map(({ id }) => id)).toEqual(['4', '3', '2']);
    history.prune((now + 13) * 1000);
    expect(history.find({ limit: 10 }).map(({ id }) => id)).toEqual(['4', '3']);
  });
});
