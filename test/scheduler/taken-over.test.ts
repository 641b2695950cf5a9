import { describe, expect, it } from 'vitest';

import { RunRecord } from '../../src/scheduler/run-record.js';
import { askForLateClaim, claimInRow } from '../../src/scheduler/silent-claim.js';
import { isTakenOver, wasTakenOver } from '../../src/scheduler/taken-over.js';
import type { ProcessRow } from '../../src/store/process-store.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

const now = Date.now() / 1000;

/** The row of a start that was sent to `www1`, claimed a moment ago. */
function row(changes: Partial<ProcessRow> = {}): ProcessRow {
  const fields = { handle: 'h', callback: 'run', uid: 0, status: 2, stamp: (now + 1).toFixed(6) };
  return { ...fields, token: 'first', serviceHost: 'www1', ...changes };
}

const others = { token: 'second', serviceHost: 'www2' };

function dispatch(found: ProcessRow[] | Error, changes: Parameters<typeof fakeDispatch>[2] = {}) {
  const find = (): Promise<ProcessRow[]> => (found instanceof Error ? Promise.reject(found) : Promise.resolve(found));
  const site = fakeSite('http://a.test', { store: { find } });
  return fakeDispatch(site, 'h', { token: 'first', serviceHost: 'www1', ...changes });
}

describe('a start that another daemon has taken over', () => {
  it('is known by its service host and token', async () => {
    const ours = dispatch([]);
    expect(isTakenOver(row(others), ours)).toBe(true);
    expect(isTakenOver(row(), ours)).toBe(false);
    // Started anew under the same service host: somebody else's affair, but nobody has taken it over.
    expect(isTakenOver(row({ token: 'second' }), ours)).toBe(false);
    expect(await wasTakenOver(dispatch([row(others)]))).toBe(true);
    expect(await wasTakenOver(dispatch([]))).toBe(false);
    expect(await wasTakenOver(dispatch(new Error('away')))).toBe(false);
  });

  it('is not taken for a claim of the worker that died here', async () => {
    expect(await claimInRow(new RunRecord(dispatch([row()]), now * 1000))).toBe(row().stamp);
    expect(await claimInRow(new RunRecord(dispatch([row(others)]), now * 1000))).toBeUndefined();
    // Of a run of an earlier daemon the token is not known any more, but its service host is.
    expect(await claimInRow(new RunRecord(dispatch([row()], { token: '' }), now * 1000))).toBe(row().stamp);
    expect(await claimInRow(new RunRecord(dispatch([row(others)], { token: '' }), now * 1000))).toBeUndefined();
  });

  it('nor for one that went through behind the death of its worker', async () => {
    const cause = { kind: 'lost', sentence: 'gone' } as const;
    const doubt = { from: (now - 5) * 1000, until: (now + 5) * 1000, cause } as never;
    expect(await askForLateClaim(dispatch([row()], { doubt }))).toMatchObject({ stamp: row().stamp });
    expect(await askForLateClaim(dispatch([row(others)], { doubt }))).toBeUndefined();
  });
});
