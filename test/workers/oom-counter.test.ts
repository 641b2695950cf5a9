import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { OomCounter } from '../../src/workers/oom-counter.js';

let root: string;

beforeEach(async () => {
  root = `${await mkdtemp(join(tmpdir(), 'drupald-oom-'))}/`;
  await mkdir(join(root, 'proc/self'), { recursive: true });
  await mkdir(join(root, 'sys/fs/cgroup/web'), { recursive: true });
  await writeFile(join(root, 'proc/vmstat'), 'pgfault 7\noom_kill 3\n');
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

it('reads the counter of the own control group, not that of the machine', async () => {
  await writeFile(join(root, 'proc/self/cgroup'), '0::/web\n');
  await writeFile(join(root, 'sys/fs/cgroup/web/memory.events'), 'oom 1\noom_kill 1\noom_group_kill 0\n');
  const counter = new OomCounter(root);
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(join(root, 'proc/vmstat'), 'oom_kill 4\n');
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(join(root, 'sys/fs/cgroup/web/memory.events'), 'oom 2\noom_kill 2\n');
  expect(await counter.hasRisen()).toBe(true);
  expect(await counter.hasRisen()).toBe(false);
});

it('reads that of a control group of the first version', async () => {
  await writeFile(join(root, 'proc/self/cgroup'), '3:cpuset:/\n4:memory:/web\n0::/\n');
  await mkdir(join(root, 'sys/fs/cgroup/memory/web'), { recursive: true });
  const file = join(root, 'sys/fs/cgroup/memory/web/memory.oom_control');
  await writeFile(file, 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n');
  const counter = new OomCounter(root);
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(join(root, 'proc/vmstat'), 'oom_kill 4\n');
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(file, 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n');
  expect(await counter.hasRisen()).toBe(true);
});

it('lets each kill explain one death, also when several are looked at together', async () => {
  const counter = new OomCounter(root);
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(join(root, 'proc/vmstat'), 'oom_kill 5\n');
  expect(await Promise.all([1, 2, 3].map(() => counter.hasRisen()))).toEqual([true, true, false]);
});

it('reads that of the machine where there is no control group', async () => {
  const counter = new OomCounter(root);
  expect(await counter.hasRisen()).toBe(false);
  await writeFile(join(root, 'proc/vmstat'), 'oom_kill 4\n');
  expect(await counter.hasRisen()).toBe(true);
});

it('says nothing where the kernel tells nothing', async () => {
  await rm(join(root, 'proc/vmstat'));
  expect(await new OomCounter(root).hasRisen()).toBe(false);
});
