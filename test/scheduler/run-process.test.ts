import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { cancelled } from '../../src/process/outcome.js';
import type { RunTools } from '../../src/scheduler/end-run.js';
import { runProcess } from '../../src/scheduler/run-process.js';
import { RunRecord } from '../../src/scheduler/run-record.js';
import { stopRun } from '../../src/scheduler/stop-run.js';
import { fakeDispatch, fakeSite } from './dispatches.js';
import { rm } from 'node:fs/promises';

const logs = mkdtempSync(join(tmpdir(), 'drupald-run-'));

afterAll(() => rm(logs, { recursive: true }));

/** A worker that runs many: it says that it takes another job, and never ends by itself. */
function lent() {
  let say: (message: unknown) => void = () => undefined;
  const kill = vi.fn();
  const close = vi.fn();
  const giveBack = vi.fn();
  const connection = {
    closed: new Promise<void>(() => undefined),
    onMessage: (listener: (message: unknown) => void) => {
      say = listener;
    },
    send: () => undefined,
    close,
  };
  // No process has this number.
  const worker = { pid: 2 ** 22 + 1, connection, ended: new Promise(() => undefined), kill };
  const taken = { worker, isolation: 'shared', job: {}, giveBack };
  return { taken, kill, close, giveBack, say: (message: unknown) => say(message) };
}

function begun() {
  const one = lent();
  const site = fakeSite('A', {
    place: { root: '/nowhere', env: {}, umask: '0022', logs, logLimit: 1 },
    workers: { take: () => Promise.resolve(one.taken) },
    store: { get: () => Promise.resolve(undefined), endSessions: () => Promise.resolve() },
    core: {},
  });
  const ledger = { begin: vi.fn(), note: vi.fn(), ended: vi.fn(), again: vi.fn(), over: vi.fn() };
  const tools = {
    bus: new EventBus(),
    ledger,
    locks: {},
    crowded: () => false,
    bootTimeout: 10_000,
    settleTimeout: 10_000,
    outputLimit: 1_000,
    oom: { hasRisen: () => Promise.resolve(false) },
    retryOf: () => undefined,
    batchOf: () => ({ save: 1, onFailure: 'retry', retries: 2 }),
    limitsOf: () => ({ time: undefined, memory: undefined, output: undefined }),
    killGrace: 20,
    onTurn: () => undefined,
  } as unknown as RunTools;
  const record = new RunRecord(fakeDispatch(site, 'one'));
  const end = runProcess(record, tools);
  const until = (message: object): void => one.say(message);
  return { ...one, record, end, until };
}

const claimed = { type: 'claimed', stamp: '1.5', lock: '', listeners: 0, connections: [] };
const completed = { type: 'ended', outcome: { kind: 'completed', sentence: '' }, at: 2 };
const settled = { type: 'settled', row: 'deleted', hook: 'none' };
const stays = { type: 'done', leaving: 'stay' };

async function taken(run: ReturnType<typeof begun>): Promise<void> {
  await vi.waitFor(() => expect(run.record.worker).toBeDefined());
  await new Promise((resolve) => setImmediate(resolve));
}

it('gives back a worker that takes another job', async () => {
  const run = begun();
  await taken(run);
  for (const message of [claimed, completed, settled, stays]) run.until(message);
  expect(await run.end).toMatchObject({ type: 'ended', outcome: { kind: 'completed' } });
  expect(run.giveBack).toHaveBeenCalledOnce();
  // Now it may have another run.
  expect(await stopRun(run.record, cancelled('cb', 'somebody', undefined), 20)).toBe(false);
  expect(run.kill).not.toHaveBeenCalled();
});

it('lets a worker go to which a signal for its run was sent', async () => {
  const run = begun();
  await taken(run);
  for (const message of [claimed, completed, settled]) run.until(message);
  const stopped = stopRun(run.record, cancelled('cb', 'somebody', undefined), 10_000);
  await vi.waitFor(() => expect(run.kill).toHaveBeenCalledWith('SIGTERM'));
  run.until(stays);
  expect(await run.end).toMatchObject({ type: 'ended', outcome: { kind: 'completed' } });
  await stopped;
  expect(run.giveBack).not.toHaveBeenCalled();
  expect(run.close).toHaveBeenCalled();
});
