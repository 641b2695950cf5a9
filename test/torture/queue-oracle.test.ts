import { describe, expect, test } from 'vitest';
import type { Trace } from './evidence.js';
import { accountItems, type QueueFacts } from './queue-oracle.js';
import { makeQueuePlan } from './queue-plan.js';

/** Lines of one item: what happened in which process, at seconds that count up. */
function traces(...lines: (readonly [what: string, pid: number])[]): Trace[] {
  return lines.map(([what, pid], index) => ({ at: 100 + index, pid, what, detail: '' }));
}

function facts(lines: readonly Trace[], change: Partial<QueueFacts> & { uncertain?: boolean } = {}): QueueFacts {
  const { uncertain = false, ...rest } = change;
  return {
    created: [{ label: 'one', queue: 'q', uncertain }],
    evidence: new Map(lines.length === 0 ? [] : [['one', lines]]),
    aside: new Set(),
    told: new Set(),
    waiting: new Set(),
    left: [],
    killed: [],
    calm: () => true,
    ...rest,
  };
}

const wrongsOf = (given: QueueFacts): string[] => accountItems(given).findings.map(({ wrong }) => wrong);

const killed = (pid: number, at: number): QueueFacts['killed'] => [{ at, victim: 'worker', pid, title: '' }];

describe('the oracle of items', () => {
  test('has nothing against an item that was done once, and tells how long it waited', () => {
    const given = facts(traces(['created', 1], ['begun', 10], ['ended', 10]));
    expect(accountItems(given)).toMatchObject({ findings: [], begun: 1, done: 1, waits: [1000] });
    expect(accountItems({ ...given, calm: () => false }).waits).toEqual([]);
  });

  test('has nothing against one that failed or whose worker was killed, and that was done then', () => {
    const again = traces(['begun', 10], ['fails', 10], ['begun', 11], ['begun', 12], ['ended', 12]);
    expect(accountItems(facts(again, { killed: killed(11, 102.5) }))).toMatchObject({
      findings: [],
      begun: 3,
      killedInTheMiddle: 1,
    });
  });

  test('counts by itself what was done again because its worker was killed before its word', () => {
    const again = traces(['begun', 10], ['ended', 10], ['begun', 11], ['ended', 11]);
    expect(accountItems(facts(again, { killed: killed(10, 101.5) }))).toMatchObject({ findings: [], window: 1 });
  });

  test.each<[string, QueueFacts]>([
    ['lost', facts([])],
    ['lost', facts(traces(['begun', 10]))],
    ['lost', facts(traces(['begun', 10]), { uncertain: true })],
    ['stuck', facts(traces(['begun', 10], ['ended', 10]), { waiting: new Set(['one']) })],
    ['doubled', facts(traces(['begun', 10], ['ended', 10], ['begun', 11], ['ended', 11]))],
    // Nobody had killed it, or only later.
    ['doubled', facts(traces(['begun', 10], ['begun', 11], ['ended', 11]))],
    ['doubled', facts(traces(['begun', 10], ['begun', 11], ['ended', 11]), { killed: killed(10, 101.5) })],
    ['left over', facts(traces(['begun', 10], ['ended', 10]), { left: ['row: one'] })],
    ['stuck', facts(traces(['fails', 9], ['begun', 10], ['ended', 10]), { told: new Set(['one']) })],
  ])('finds what is %s', (wrong, given) => {
    expect(wrongsOf(given)).toEqual([wrong]);
  });

  test('a worker that went on to another item had said its word', () => {
    const again = facts(traces(['begun', 10], ['ended', 10], ['begun', 11], ['ended', 11]), {
      killed: killed(10, 150),
    });
    const evidence = new Map([...again.evidence, ['other', [{ at: 140, pid: 10, what: 'begun', detail: '' }]]]);
    expect(wrongsOf({ ...again, evidence })).toEqual(['doubled']);
  });

  test('what is set aside has to be told, and has to have failed', () => {
    const failed = traces(['begun', 10], ['fails', 10], ['begun', 11], ['fails', 11], ['begun', 12], ['ended', 12]);
    const aside = new Set(['one']);
    expect(wrongsOf(facts(failed, { aside, told: aside }))).toEqual([]);
    expect(wrongsOf(facts(failed, { aside }))).toEqual(['stuck']);
    expect(wrongsOf(facts(traces(['begun', 10], ['ended', 10]), { aside, told: aside }))).toEqual(['stuck']);
  });
});

describe('the plan for items', () => {
  const options = { seed: 5, items: 500, duration: 20_000 };

  test('is the same for the same seed, and another for another', () => {
    expect(makeQueuePlan(options)).toEqual(makeQueuePlan(options));
    expect(makeQueuePlan(options)).not.toEqual(makeQueuePlan({ ...options, seed: 6 }));
  });

  test('creates every item once, in all queues, and kills everything', () => {
    const plan = makeQueuePlan(options);
    const items = plan.flatMap((step) => (step.type === 'batch' ? step.items : []));
    expect(new Set(items.map(({ label }) => label)).size).toBe(500);
    expect(new Set(items.map(({ queue }) => queue)).size).toBe(4);
    const victims = new Set(plan.flatMap((step) => (step.type === 'kill' ? [step.victim] : [])));
    expect([...victims].sort()).toEqual(['daemon', 'database', 'root', 'worker', 'zygote']);
  });
});
