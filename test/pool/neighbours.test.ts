import { describe, expect, it } from 'vitest';

import { heirOf, neighboursOf, silentHosts } from '../../src/pool/neighbours.js';
import type { ListedDaemon } from '../../src/store/owner-table.js';

const groups = { web: ['www1', 'www2', 'www3'], cron: ['cron1', 'www1'], other: ['far'] };

function daemon(serves: readonly string[], silence: number): ListedDaemon {
  const numbers = { pid: 1, started: 0, slots: 1, running: 0, waiting: 0 };
  return { id: serves.join(), host: 'h', address: 'a', state: 'running', serves, silence, ...numbers };
}

describe('neighbours', () => {
  it('share a group with a service host of this daemon, or are named', () => {
    expect(neighboursOf({ groups, own: ['www2'], named: [] })).toEqual(['www1', 'www3']);
    expect(neighboursOf({ groups, own: ['www1', 'www2'], named: ['old', 'www1'] })).toEqual(['www3', 'cron1', 'old']);
    expect(neighboursOf({ groups, own: ['alone'], named: [] })).toEqual([]);
  });

  it('are inherited by a name of the same group where there is one', () => {
    expect(heirOf('cron1', { groups, own: ['www2', 'www1'] })).toBe('www1');
    expect(heirOf('old', { groups, own: ['www2', 'www1'] })).toBe('www2');
    expect(heirOf('old', { groups, own: [] })).toBeUndefined();
  });

  it('are silent when no daemon of theirs lives', () => {
    const daemons = [daemon(['www1'], 5.1), daemon(['www2'], 4.9), daemon(['www3'], 60), daemon(['www3', 'x'], 0.1)];
    expect(silentHosts(['www1', 'www2', 'www3', 'unlisted'], daemons, 5)).toEqual(['www1', 'unlisted']);
    // A sign from the future is older than a clock that was set back.
    expect(silentHosts(['www1'], [daemon(['www1'], -3600)], 5)).toEqual(['www1']);
  });
});
