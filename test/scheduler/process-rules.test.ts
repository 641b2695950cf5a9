import { describe, expect, it } from 'vitest';

import type { Config, ProcessRules } from '../../src/config/config.js';
import { isolationOf, limitsOf, retryOf, type AllRules } from '../../src/scheduler/process-rules.js';

const none: ProcessRules = { slots: {}, priority: {}, isolation: {}, retry: {}, time: {}, memory: {}, output: {} };

function rules(callbacks: Partial<ProcessRules>, serviceHosts: Partial<ProcessRules> = {}): AllRules {
  return { callbacks: { ...none, ...callbacks }, serviceHosts: { ...none, ...serviceHosts } };
}

const start = { handle: 'h', callback: 'feeds_import', serviceHost: 'www1' };
const twice = { attempts: 2, pause: 10, on: new Set(['lost'] as const) };

describe('limitsOf', () => {
  it('takes processes of drupald by their handle, and all others by their callback alone', () => {
    const given = rules({ time: { 'drupald_cron:search': 1, '*': 2 }, output: { drupald_cron_hook: 3 } });
    const hook = { ...start, handle: 'drupald_cron:search', callback: 'drupald_cron_hook' };
    expect(limitsOf(given, hook)).toEqual({ time: 1, memory: undefined, output: 3 });
    expect(limitsOf(given, { ...hook, callback: 'search_cron' })).toMatchObject({ time: 2, output: undefined });
    expect(limitsOf(given, hook, 7)).toMatchObject({ time: 7 });
  });

  it('asks the service host where the callback says nothing, each limit for itself', () => {
    const given = rules({ time: { 'feeds_*': 1 } }, { time: { www1: 2 }, memory: { www1: 3, 'www*': 4 } });
    expect(limitsOf(given, start)).toEqual({ time: 1, memory: 3, output: undefined });
    const other = { ...start, callback: 'other', serviceHost: 'www2' };
    expect(limitsOf(given, other)).toEqual({ time: undefined, memory: 4, output: undefined });
  });

  it('never ends processes of drupald by a limit of the service host whose name they bear', () => {
    const given = rules({ memory: { drupald_queue: 5 } }, { time: { '*': 2 }, memory: { '*': 3 } });
    const queue = { ...start, handle: 'drupald_queue:1:mail', callback: 'drupald_queue' };
    expect(limitsOf(given, queue)).toEqual({ time: undefined, memory: 5, output: undefined });
  });
});

describe('isolationOf', () => {
  const of = (isolation: Config['isolation'], given: AllRules, process = start): string =>
    isolationOf({ ...given, isolation }, process);

  it('is that of the callback, then of the service host, then of the daemon', () => {
    const given = rules({ isolation: { 'feeds_*': 'shared' } }, { isolation: { www1: 'fresh' } });
    expect(of('process', given)).toBe('shared');
    expect(of('process', given, { ...start, callback: 'other' })).toBe('fresh');
    expect(of('process', given, { ...start, callback: 'other', serviceHost: 'www2' })).toBe('process');
  });

  it('is cold for all where PHP cannot fork', () => {
    expect(of('cold', rules({ isolation: { '*': 'fresh' } }, { isolation: { '*': 'fresh' } }))).toBe('cold');
  });

  it('never shares a worker among jobs of Ultimate Cron 1.x', () => {
    const job = { ...start, callback: '_ultimate_cron_run_hook' };
    expect(of('process', rules({}, { isolation: { www1: 'shared' } }), job)).toBe('process');
  });
});

describe('retryOf', () => {
  it('is that of the callback, then of the service host', () => {
    const given = rules({ retry: { 'feeds_*': { ...twice, attempts: 5 } } }, { retry: { www1: twice } });
    expect(retryOf(given, start)?.attempts).toBe(5);
    expect(retryOf(given, { ...start, callback: 'other' })?.attempts).toBe(2);
    expect(retryOf(given, { ...start, callback: 'other', serviceHost: 'www2' })).toBeUndefined();
  });

  it('leaves batches and processes of drupald to their own rules', () => {
    const given = rules({ retry: { '*': twice } }, { retry: { '*': twice } });
    for (const callback of ['_background_batch_process', 'drupald_queue']) {
      expect(retryOf(given, { ...start, callback })).toBeUndefined();
    }
  });
});
