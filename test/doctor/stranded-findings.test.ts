import { expect, it } from 'vitest';

import { strandedFindings, type ExaminedRows } from '../../src/doctor/stranded-findings.js';
import { sumOf } from '../../src/scheduler/ownership.js';
import type { ProcessRow } from '../../src/store/process-store.js';

const now = 1_800_000_000;

function row(handle: string, token: string, age: number): ProcessRow {
  const callback = 'drupald_queue';
  return { handle, token, callback, uid: 0, serviceHost: '', stamp: (now - age).toFixed(6), status: 2 };
}

function site(rows: ProcessRow[], silences: Record<string, number> | undefined): ExaminedRows {
  const entries = Object.entries(silences ?? {}).map(([token, silence]) => ({
    sum: sumOf(token),
    handle: rows.find((one) => one.token === token)?.handle ?? '',
    daemon: token,
    lock: '',
    owner: { host: 'h', pid: 7, beat: now - silence, silence },
  }));
  return {
    name: 'http://a.test',
    store: {
      find: (handles: readonly string[]) => Promise.resolve(rows.filter(({ handle }) => handles.includes(handle))),
      claimedOf: () => Promise.resolve(rows),
    },
    ownership: { look: () => Promise.resolve(silences && entries) },
  };
}

it('doctor names processes of drupald itself that nobody has in hand', async () => {
  const rows = [row('dead', 'd', 5), row('alive', 'a', 500), row('nobody', 'n', 500), row('young', 'y', 5)];
  const found = await strandedFindings(site(rows, { d: 90, a: 4 }), now);
  expect(found.map(({ code, title }) => [code, /process (\w+)/.exec(title)?.[1]])).toEqual([
    ['process-stranded', 'dead'],
    ['process-stranded', 'nobody'],
  ]);
  expect(found[0]?.title).toContain('no sign of life for 1 min 30 s');
});

it('doctor says nothing of them where drupald may not make tables', async () => {
  expect(await strandedFindings(site([row('nobody', 'n', 500)], undefined), now)).toEqual([]);
});
