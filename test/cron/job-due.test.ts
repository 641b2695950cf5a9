import { describe, expect, it } from 'vitest';

import { jobDue } from '../../src/cron/job-due.js';
import { Zone } from '../../src/cron/zone.js';
import { ultimateJob } from './ultimate-fakes.js';

const tallinn = Zone.named('Europe/Tallinn')!;
const at = (text: string): number => Date.parse(text);
const hour = 3_600_000;

/** What is due of a job that began at some time, where no clock was set. */
function due(rules: string, catchUp: number, begun: string | undefined, now: string) {
  const job = ultimateJob({ rules: rules.split('; '), catchUp });
  const began = begun === undefined ? undefined : { at: at(begun), tick: at(begun) };
  return jobDue(job, tallinn, began, at(now), at(now));
}

describe('a job', () => {
  it('is due once in each of its periods', () => {
    const before = '2026-06-01T10:00:30Z';
    expect(due('0 * * * *', 86_400, before, '2026-06-01T10:59:59Z').due).toBeUndefined();
    expect(due('0 * * * *', 86_400, before, '2026-06-01T11:00:00Z').due).toBe(at('2026-06-01T11:00:00Z'));
    expect(due('0 * * * *', 86_400, '2026-06-01T11:00:00.5Z', '2026-06-01T11:30:00Z').due).toBeUndefined();
  });

  it('runs once after an outage, for the latest time that it missed, as far as it may catch up', () => {
    const [before, now] = ['2026-06-01T07:00:30Z', '2026-06-01T10:20:00Z'];
    expect(due('0 * * * *', 86_400, before, now).due).toBe(at('2026-06-01T10:00:00Z'));
    expect(due('0 * * * *', 60, before, now).due).toBeUndefined();
    expect(due('0 * * * *', 60, before, '2026-06-01T10:00:59Z').due).toBe(at('2026-06-01T10:00:00Z'));
  });

  it('is never late within its own minute, even if nothing may be caught up', () => {
    expect(due('0 * * * *', 0, '2026-06-01T09:00:00Z', '2026-06-01T10:00:59Z').due).toBe(at('2026-06-01T10:00:00Z'));
    expect(due('0 * * * *', 0, '2026-06-01T09:00:00Z', '2026-06-01T10:01:00Z').due).toBeUndefined();
  });

  it('that has never run is due when it may catch up with its last time', () => {
    expect(due('0 12 * * *', 86_400, undefined, '2026-06-01T12:00:00Z').due).toBe(at('2026-06-01T09:00:00Z'));
    expect(due('0 12 * * *', 3_600, undefined, '2026-06-01T12:00:00Z').due).toBeUndefined();
  });

  it('of an interval catches up with a whole interval of its own, not of the one that it replaced', () => {
    const job = ultimateJob({ scheduler: 'simple', rules: ['0+@ 0 * * 0'], catchUp: 900, skew: 7 });
    const began = { at: at('2026-05-24T00:10:00+03:00'), tick: 0 };
    const now = at('2026-05-31T01:07:00+03:00');
    expect(jobDue(job, tallinn, began, now, now - began.at).due).toBe(at('2026-05-31T00:07:00+03:00'));
  });

  it('of several rules is due by any, and tells the next of all', () => {
    const seen = due('0 12 * * *; 30 * * * *', 60, '2026-06-01T08:30:00Z', '2026-06-01T09:00:10Z');
    expect(seen).toEqual({ due: at('2026-06-01T09:00:00Z'), next: at('2026-06-01T09:30:00Z') });
  });

  it('with one bad rule among good ones tells it, and runs by the others', () => {
    const seen = due('5-3 * * * *; 0 * * * *', 60, '2026-06-01T08:00:00Z', '2026-06-01T09:00:10Z');
    expect(seen.due).toBe(at('2026-06-01T09:00:00Z'));
    expect(seen.problem).toContain('5-3 * * * *');
    expect(due('', 60, undefined, '2026-06-01T09:00:10Z')).toEqual({ problem: 'it has no rule' });
  });

  it('of a fixed hour runs once on the day on which that hour comes twice', () => {
    const first = '2026-10-25T03:30:00+03:00';
    expect(due('30 3 * * *', 86_400, '2026-10-24T03:30:00+03:00', first).due).toBe(at(first));
    expect(due('30 3 * * *', 86_400, first, '2026-10-25T03:30:00+02:00').due).toBeUndefined();
    expect(due('30 * * * *', 86_400, first, '2026-10-25T03:30:00+02:00').due).toBe(at('2026-10-25T03:30:00+02:00'));
  });
});

describe('a clock that is set', () => {
  const job = ultimateJob({ rules: ['* * * * *'], catchUp: 600 });
  const began = { at: at('2026-06-01T10:00:00Z'), tick: 1_000 };

  it('back silences no job, and runs none twice in one minute', () => {
    const back = (seconds: number) =>
      jobDue(job, tallinn, began, began.at - hour + seconds * 1000, began.tick + seconds * 1000).due;
    expect(back(10)).toBeUndefined();
    expect(back(60)).toBe(began.at - hour + 60_000);
  });

  it('forward runs a job once', () => {
    const now = began.at + hour;
    expect(jobDue(job, tallinn, began, now, began.tick + 1_000).due).toBe(now);
    expect(jobDue(job, tallinn, { at: now, tick: began.tick + 1_000 }, now + 5_000, began.tick + 6_000).due).toBe(
      undefined,
    );
  });

  it('leaves a log in the future, which silences a job for one period and no longer', () => {
    const tomorrow = { at: began.at + 24 * hour, tick: began.tick };
    const later = (seconds: number) =>
      jobDue(job, tallinn, tomorrow, began.at + seconds * 1000, began.tick + seconds * 1000).due;
    expect(later(30)).toBeUndefined();
    expect(later(60)).toBe(began.at + 60_000);
  });
});
