import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { ServedSite, type ServedSiteOptions } from '../../src/scheduler/served-site.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A site whose PHP fails with a reason, and when it was asked. */
function brokenSite(bus: EventBus, reason: () => string): { site: ServedSite; asked: number[] } {
  const asked: number[] = [];
  const access = { host: '127.0.0.1', port: 1, user: '', password: '', database: '', socket: '', tables: {} };
  const options = {
    config: { root: '/nowhere' },
    uris: [parseSiteUri('http://a.example')],
    settings: { databases: { default: access } },
    place: { logs: '/nowhere', root: '/nowhere', env: {}, umask: '0022', logLimit: 0 },
    source: {
      worker: () => {
        asked.push(Date.now());
        return Promise.reject(new Error(reason()));
      },
    },
    workers: {},
    bus,
    bootTimeout: 1_000,
  };
  return { site: new ServedSite(options as unknown as ServedSiteOptions), asked };
}

it('is tried again every few seconds, however long it has not started', async () => {
  const { site, asked } = brokenSite(new EventBus(), () => 'broken');
  site.report('broken');
  await vi.advanceTimersByTimeAsync(600_000);
  const pauses = asked.map((at, index) => at - (asked[index - 1] ?? at));
  expect(asked.length).toBeGreaterThan(100);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000);
});

it('tells the same trouble once a minute, and another one at once', async () => {
  const bus = new EventBus();
  const told: string[] = [];
  bus.on('site.cannot-boot', (event) => told.push(event.reason));
  let reason = 'broken';
  const { site } = brokenSite(bus, () => reason);
  site.report(reason);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(told).toEqual(['broken']);
  reason = 'otherwise broken';
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual(['broken', 'otherwise broken']);
  await vi.advanceTimersByTimeAsync(70_000);
  expect(told.slice(2)).toEqual(['otherwise broken']);
});
