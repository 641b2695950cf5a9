import { describe, expect, it } from 'vitest';

import { cronFindings, jobFindings, type ExaminedCron } from '../../src/doctor/cron-findings.js';

const now = 1_800_000_000;

function site(about: {
  threshold?: unknown;
  override?: unknown;
  ultimate?: boolean;
  waiting?: { queue: string; count: number; oldest: number }[];
}): ExaminedCron {
  const { threshold, override, ultimate = true, waiting = [] } = about;
  return {
    name: 'http://a.test',
    facts: {
      modules: ultimate ? { ultimate_cron: { enabled: true, version: '7.x-2.9' } } : {},
      queues: [{ name: 'mail' }],
    },
    seenSettings: { overrides: override === undefined ? {} : { cron_safe_threshold: override } },
    core: { variable: () => Promise.resolve(threshold) },
    queue: { longWaiting: (before: number) => Promise.resolve(waiting.filter(({ oldest }) => oldest < before)) },
  } as unknown as ExaminedCron;
}

describe('what doctor says of cron', () => {
  it('a threshold beside Ultimate Cron, also one that settings.php sets', async () => {
    const codes = async (about: Parameters<typeof site>[0]) =>
      (await cronFindings(site(about), now)).map(({ code, title }) => [code, /is (\d+)/.exec(title)?.[1]]);
    expect(await codes({ threshold: '10800' })).toEqual([['cron-threshold', '10800']]);
    expect(await codes({ threshold: 0, override: 3600 })).toEqual([['cron-threshold', '3600']]);
    expect(await codes({ threshold: '0' })).toEqual([]);
    expect(await codes({})).toEqual([]);
    expect(await codes({ threshold: 3600, ultimate: false })).toEqual([]);
  });

  it('queues whose items wait for long', async () => {
    const waiting = [
      { queue: 'mail', count: 12, oldest: now - 7_200 },
      { queue: 'young', count: 1, oldest: now - 30 },
    ];
    const found = await cronFindings(site({ waiting }), now);
    expect(found.map(({ code, title }) => [code, title])).toEqual([
      ['queue-waits', 'http://a.test: 12 items of the queue mail wait, the oldest for 2 h'],
    ]);
  });

  it('a job whose rules cannot be used', () => {
    const job = { site: 'http://a.test', name: 'bad', zone: 'UTC', last: null, next: null, outcome: null };
    const found = jobFindings([
      { ...job, rule: 'unusable: 5-3 * * * *: upside down', state: 'unusable', lateMs: null, step: null },
      { ...job, rule: '* * * * *', state: 'waiting', lateMs: null, step: null },
    ]);
    expect(found.map(({ code, title }) => [code, title])).toEqual([
      ['cron-rule', 'http://a.test: the job bad cannot run at set times: 5-3 * * * *: upside down'],
    ]);
  });
});
