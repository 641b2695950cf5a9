import { expect, it } from 'vitest';

import { poolFindings, type ExaminedPool } from '../../src/doctor/pool-findings.js';
import type { ListedDaemon } from '../../src/store/owner-table.js';

function daemon(address: string, serves: readonly string[], silence: number): ListedDaemon {
  const numbers = { pid: 1, started: 0, slots: 1, running: 0, waiting: 0 };
  return { id: address, host: 'box', address, state: 'running', serves, silence, ...numbers };
}

function site(daemons: ListedDaemon[] | undefined, waiting: Record<string, number> = {}): ExaminedPool {
  return {
    name: 'http://a.test',
    store: { waitingByHost: () => Promise.resolve(new Map(Object.entries(waiting))) },
    ownership: { lookAtDaemons: () => Promise.resolve(daemons && { now: 0, daemons }) },
  };
}

const serviceGroups = { web: ['www1', 'www2'] };

it('names a daemon that is silent while starts wait for it', async () => {
  const daemons = [daemon(':1', ['www1', 'x'], 34), daemon(':2', ['www2'], 1), daemon(':3', ['x'], 0)];
  const found = await poolFindings(site(daemons, { www1: 3, x: 9 }), { serviceGroups }, 5_000, []);
  expect(found).toMatchObject([{ code: 'daemon-silent', level: 'problem' }]);
  expect(found[0]?.title).toContain('(:1), which serves www1, has given no sign of life for 34 s, and 3 starts wait');
  expect(await poolFindings(site(daemons, { www2: 3 }), { serviceGroups }, 5_000, [])).toEqual([]);
  // Where nobody takes over, half a minute is no proof.
  const patient = await poolFindings(site(daemons, { www1: 3 }), { serviceGroups }, 'off', []);
  expect(patient.map(({ code }) => code)).not.toContain('daemon-silent');
});

it('names a service host that two living daemons serve', async () => {
  const daemons = [daemon(':1', ['www1'], 1), daemon(':2', ['www1'], 1), daemon(':3', ['www1'], 99)];
  const found = await poolFindings(site(daemons), { serviceGroups: {} }, 5_000, []);
  expect(found).toMatchObject([{ code: 'service-host-shared', level: 'warn' }]);
  expect(found[0]?.title).toContain('2 drupalds serve the service host www1: :1 on box, :2 on box');
});

it('names a group of which nobody serves a host, the examined daemon included', async () => {
  expect(await poolFindings(site(undefined), { serviceGroups }, 5_000, [])).toMatchObject([
    { code: 'group-unserved', level: 'warn' },
  ]);
  expect(await poolFindings(site(undefined), { serviceGroups }, 5_000, ['www2'])).toEqual([]);
});

it('says that the database is away', async () => {
  const away: ExaminedPool = {
    ...site([]),
    ownership: { lookAtDaemons: () => Promise.reject(new Error('gone')) },
  };
  expect(await poolFindings(away, { serviceGroups }, 5_000, [])).toMatchObject([{ code: 'database-away' }]);
});
