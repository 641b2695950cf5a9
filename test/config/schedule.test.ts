import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { checkSchedule } from '../../src/cron/entry-times.js';

let dir = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'drupald-schedule-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

const one = '[{ root: /a, uris: [https://a.test, http://b.test/shop] }]';
const two = '[{ root: /a, uris: [https://a.test] }, { root: /b, uris: [https://b.test] }]';

function load(entries: string, sites = one): Config {
  const file = join(dir, 'drupald.yml');
  writeFileSync(file, `sites: ${sites}\nschedule: ${entries}\n`);
  return loadConfig({ file, env: {}, flags: {} });
}

describe('entries of the schedule', () => {
  test('have defaults', () => {
    expect(load('{ nightly: { rule: "0 3 * * *", callback: run } }').schedule).toEqual([
      {
        name: 'nightly',
        rule: '0 3 * * *',
        zone: undefined,
        site: undefined,
        work: { kind: 'callback', callback: 'run', arguments: [] },
        overlap: 'skip',
        jitter: 0,
        limit: undefined,
        catchUp: 86_400_000,
      },
    ]);
    expect(load('').schedule).toEqual([]);
  });

  test('of each kind, with everything that they may hold', () => {
    const entries = `
  a: { rule: "0 3 * * *", callback: "My::run", arguments: [1, { x: y }], zone: UTC, site: a.test, overlap: queue, jitter: 5 min, limit: 1 h, catch_up: 0 s }
  b: { rule: "@", queue: exports, site: http://b.test/shop/ }
  c: { rule: "* * * * *", cron: true }`;
    expect(load(entries).schedule).toMatchObject([
      { work: { callback: 'My::run', arguments: [1, { x: 'y' }] }, jitter: 300_000, limit: 3_600_000, catchUp: 0 },
      { work: { kind: 'queue', queue: 'exports' } },
      { work: { kind: 'cron' } },
    ]);
  });

  const rule = 'rule: "* * * * *"';
  test.each([
    [`{ a: { ${rule}, calback: x } }`, 'CONFIG_UNKNOWN_KEY', 'did you mean "callback"?'],
    [`[{ ${rule} }]`, 'CONFIG_WRONG_TYPE', 'names with entries'],
    ['{ a: nightly }', 'CONFIG_WRONG_TYPE', 'schedule.a'],
    ['{ a: { callback: x } }', 'CONFIG_WRONG_TYPE', 'schedule.a.rule'],
    [`{ a: { ${rule}, callback: x, overlap: both } }`, 'CONFIG_WRONG_TYPE', 'skip, queue, replace'],
    [`{ a: { ${rule}, callback: x, arguments: y } }`, 'CONFIG_WRONG_TYPE', 'a list'],
    [`{ a: { ${rule}, cron: false } }`, 'CONFIG_WRONG_TYPE', 'must be true'],
    [`{ a: { ${rule} } }`, 'CONFIG_SCHEDULE', 'it does nothing'],
    [`{ a: { ${rule}, callback: x, queue: y } }`, 'CONFIG_SCHEDULE', 'it names callback and queue'],
    [`{ a: { ${rule}, queue: y, arguments: [1] } }`, 'CONFIG_SCHEDULE', 'only a callback'],
    [`{ a: { ${rule}, callback: x, site: c.test } }`, 'CONFIG_SCHEDULE', 'there is no site c.test'],
    [`{ cron: { ${rule}, callback: x } }`, 'CONFIG_SCHEDULE', 'another job'],
    [`{ a: { ${rule}, callback: x }, A: { ${rule}, callback: x } }`, 'CONFIG_SCHEDULE', 'another job'],
    [`{ "a b": { ${rule}, callback: x } }`, 'CONFIG_SCHEDULE', 'letters'],
  ])('%s is refused', (entries, code, words) => {
    expect(() => load(entries)).toThrow(
      expect.objectContaining({ code: `DRUPALD_${code}`, exitCode: 2, message: expect.stringContaining(words) }),
    );
  });

  test('must say which of several sites they mean', () => {
    expect(() => load(`{ a: { ${rule}, callback: x } }`, two)).toThrow('it must say which site is meant');
    expect(load(`{ a: { ${rule}, callback: x, site: b.test } }`, two).schedule).toMatchObject([{ site: 'b.test' }]);
  });

  test.each([
    ['rule: "22-2 * * * *"', 'CONFIG_SCHEDULE_RULE', 'upside down'],
    ['rule: "@hourly"', 'CONFIG_SCHEDULE_RULE', 'five'],
    ['rule: ";"', 'CONFIG_SCHEDULE_RULE', 'it is empty'],
    ['rule: "* * * * *", zone: Europe/Talinn', 'CONFIG_SCHEDULE_ZONE', 'Europe/Talinn'],
  ])('with %s stop no daemon, but are refused when they are checked', (times, code, words) => {
    const { schedule } = load(`{ a: { ${times}, callback: x } }`);
    expect(() => checkSchedule(schedule)).toThrow(
      expect.objectContaining({ code: `DRUPALD_${code}`, exitCode: 2, message: expect.stringContaining(words) }),
    );
  });

  test('cron of a site may have a cadence', () => {
    const cron = (value: string) => load('', `[{ root: /a, uris: [http://a], cron: ${value} }]`).sites[0]?.cron;
    expect([cron('auto'), cron('off'), cron('15 min'), cron('90')]).toEqual(['auto', 'off', 900_000, 90_000]);
    expect(() => cron('0')).toThrow('at least 1 s');
  });
});
