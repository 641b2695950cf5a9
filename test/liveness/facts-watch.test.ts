import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { FactsWatch, type WatchedSite } from '../../src/liveness/facts-watch.js';
import type { SiteFacts } from '../../src/sites/description.js';

let folder: string;
let settings: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  folder = await mkdtemp(join(tmpdir(), 'drupald-facts-'));
  settings = join(folder, 'settings.php');
  await writeFile(settings, '<?php');
  // Older than this process, as a site that nobody changes is.
  await utimes(settings, 1_000_000_000, 1_000_000_000);
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

/** A site that can be changed, and counts how often its facts are read. */
function watched(files: readonly string[] = []) {
  const site = {
    name: 'http://a.test',
    isOpen: true,
    facts: {} as SiteFacts | undefined,
    seenSettings: { files },
    sum: 'before',
    trouble: undefined as string | undefined,
    checks: 0,
    core: { sumOf: () => Promise.resolve(site.sum) },
    check: () => {
      site.checks += 1;
      if (site.trouble === undefined) site.facts = {} as SiteFacts;
      return Promise.resolve(site.trouble);
    },
  };
  const bus = new EventBus();
  const told: string[] = [];
  bus.on('site.reread', ({ what }) => told.push(what));
  const watch = new FactsWatch([site as unknown as WatchedSite], bus);
  const look = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(3_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { site, told, watch, look };
}

it('reads nothing while nothing changes', async () => {
  const { site, watch, look } = watched();
  await watch.start();
  await look();
  await look();
  expect(site.checks).toBe(0);
  await watch.stop();
});

it('reads the facts once for a change of variables', async () => {
  const { site, told, watch, look } = watched();
  await watch.start();
  site.sum = 'after';
  await look();
  await look();
  expect([site.checks, told]).toEqual([1, ['variables']]);
  await watch.stop();
});

it('reads them for a change of a settings file, which stays changed while the site does not boot', async () => {
  const { site, told, watch, look } = watched([join('/nowhere', 'gone.php')]);
  await watch.start();
  await look();
  expect(site.checks).toBe(0);
  site.seenSettings.files = [settings];
  site.sum = 'after';
  await look();
  expect(site.checks).toBe(1);
  site.trouble = 'a syntax error';
  await writeFile(settings, '<?php broken');
  await look();
  await look();
  const tries = site.checks;
  expect(tries).toBeGreaterThanOrEqual(3);
  site.trouble = undefined;
  await look();
  expect(told).toEqual(['variables', settings]);
  await watch.stop();
});

it('reads once more what somebody else has read, which may be older than the change', async () => {
  const { site, told, watch, look } = watched();
  await watch.start();
  site.facts = {} as SiteFacts;
  await look();
  await look();
  expect([site.checks, told]).toEqual([1, []]);
  await watch.stop();
});

it('leaves a site alone that does not boot', async () => {
  const { site, watch, look } = watched();
  site.isOpen = false;
  await watch.start();
  site.sum = 'after';
  await look();
  expect(site.checks).toBe(0);
  site.isOpen = true;
  await look();
  expect(site.checks).toBe(1);
  await watch.stop();
});
