import { describe, expect, test } from 'vitest';
import type { Trace } from './evidence.js';
import { openInLedger } from './evidence.js';
import { account, type Facts, settleTimes } from './oracle.js';
import { makePlan, type Ending, type StartStep } from './plan.js';
import type { StartState } from './starts.js';

const step = (ending: Ending): StartStep => ({
  type: 'start',
  at: 0,
  handle: 'one',
  ending,
  sendings: ['whole'],
  delay: 0,
});

/** Lines of one handle: what happened, at seconds that count up. */
function traces(...lines: (readonly [what: string, detail: string, pid?: number])[]): Trace[] {
  return lines.map(([what, detail, pid = 10], index) => ({ at: 100 + index, pid, what, detail }));
}

function facts(lines: readonly Trace[], change: Partial<Facts> & { ending?: Ending; state?: StartState } = {}): Facts {
  const { ending = { how: 'return' }, state = 'accepted', ...rest } = change;
  return {
    started: [{ handle: 'one', step: step(ending), state }],
    evidence: new Map(lines.length === 0 ? [] : [['one', lines]]),
    unfinished: new Set(),
    openProgress: [],
    killed: [],
    lines: [],
    calm: () => true,
    ...rest,
  };
}

const wrongsOf = (given: Facts): string[] => account(given).findings.map(({ wrong }) => wrong);

const hook: [string, string][] = [
  ['hook', '1 '],
  ['hook-done', '1'],
];

const killed = (pid: number): Facts['killed'] => [{ at: 101, victim: 'worker', pid, title: 'drupald run one' }];

describe('the oracle', () => {
  test('has nothing against a run with its hook', () => {
    expect(wrongsOf(facts(traces(['begun', '1'], ...hook)))).toEqual([]);
  });

  test('has nothing against a process that died before its callback and whose hook was called', () => {
    expect(wrongsOf(facts(traces(...hook)))).toEqual([]);
  });

  test.each<[string, Facts]>([
    ['lost', facts([])],
    ['doubled', facts(traces(['begun', '1'], ['begun', '1'], ...hook))],
    ['doubled', facts(traces(['begun', '1'], ...hook), { state: 'refused' })],
    ['stuck', facts(traces(['begun', '1']), { unfinished: new Set(['one']) })],
    ['hook missing', facts(traces(['begun', '1']))],
    ['hook missing', facts(traces(['begun', '1'], ['hook', '1 ']))],
    ['hook doubled', facts(traces(['begun', '1'], ...hook, ...hook))],
    ['hook doubled', facts(traces(['begun', '1'], ['removing', '1'], ['removed', 'yes'], ...hook))],
    ['progress open', facts(traces(['begun', '1'], ...hook), { openProgress: ['one'] })],
    [
      'lost',
      facts(traces(['begun', '2'], ['goes-on', '2'], ['hook', '2 '], ['hook-done', '2']), {
        ending: { how: 'restart', links: 2 },
      }),
    ],
  ])('finds what is %s', (wrong, given) => {
    expect(wrongsOf(given)).toEqual([wrong]);
  });

  test('excuses a hook that a kill ended, and only that one', () => {
    const lines = traces(['begun', '1'], ['hook', '1 ', 11]);
    expect(account(facts(lines, { killed: killed(11) }))).toMatchObject({ findings: [], interrupted: 1 });
    expect(wrongsOf(facts(lines, { killed: killed(12) }))).toEqual(['hook missing']);
  });

  test('excuses a hook that the daemon told to be interrupted', () => {
    const lines = [{ event: 'run.settled', handle: 'one', hook: 'interrupted' }];
    expect(account(facts(traces(['begun', '1']), { lines, killed: killed(10) }))).toMatchObject({
      findings: [],
      interrupted: 1,
    });
    expect(wrongsOf(facts(traces(['begun', '1']), { lines }))).toEqual(['hook missing']);
  });

  test('excuses a chain that met an absence', () => {
    const lines = traces(['begun', '2'], ['goes-on', '2'], ['hook', '2 '], ['hook-done', '2']);
    const given = facts(lines, { ending: { how: 'restart', links: 2 }, calm: () => false });
    expect(account(given)).toMatchObject({ findings: [], brokenChains: 1 });
  });

  test('asks nothing but order of a row that may never have been', () => {
    expect(wrongsOf(facts([], { state: 'uncertain' }))).toEqual([]);
    expect(wrongsOf(facts(traces(['begun', '1']), { state: 'uncertain' }))).toEqual(['hook missing']);
  });

  test('measures from the last line of a run that dies to the end of its row', () => {
    const given = facts(traces(['begun', '1'], ['ending', '1']), { ending: { how: 'signal', dies: true } });
    expect(settleTimes(given, new Map([['one', 101.5]]))).toEqual([500]);
    expect(settleTimes({ ...given, calm: () => false }, new Map([['one', 101.5]]))).toEqual([]);
  });
});

test('a seed gives the same plan again, and another seed another', () => {
  const options = { processes: 60, duration: 10_000 };
  expect(makePlan({ ...options, seed: 3 })).toEqual(makePlan({ ...options, seed: 3 }));
  expect(makePlan({ ...options, seed: 3 })).not.toEqual(makePlan({ ...options, seed: 4 }));
});

test('a ledger tells which runs are open', () => {
  const lines = [
    ['run', { id: 'a', handle: 'one' }],
    ['run', { id: 'b', handle: 'two' }],
    ['over', 'a'],
  ];
  expect(openInLedger(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"torn`)).toEqual(['two']);
});
