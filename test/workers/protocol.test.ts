import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { outcomeKinds } from '../../src/process/outcome.js';
import { helloMessage, protocolVersion, forkerMessage, runMessage, settleMessage } from '../../src/workers/protocol.js';

const hello = { type: 'hello', v: 1, role: 'worker', secret: 's', pid: 5, php: '8.2.0' };

describe('the first message', () => {
  it('needs who it is and its secret', () => {
    expect(helloMessage.safeParse(hello).success).toBe(true);
    expect(helloMessage.safeParse({ ...hello, role: 'root', fork: true, opcache: false }).success).toBe(true);
    for (const key of ['type', 'v', 'role', 'secret', 'pid', 'php']) {
      expect(helloMessage.safeParse({ ...hello, [key]: undefined }).success, key).toBe(false);
    }
    expect(helloMessage.safeParse({ ...hello, role: 'daemon' }).success).toBe(false);
    expect(helloMessage.safeParse({ ...hello, pid: 1.5 }).success).toBe(false);
  });

  it.each([null, 1, 'hello', [], {}])('is not %j', (message) => {
    expect(helloMessage.safeParse(message).success).toBe(false);
  });

  it('has the version of the shim', async () => {
    const channel = await readFile(new URL('../../php-shim/src/Channel.php', import.meta.url), 'utf8');
    expect(channel).toContain(`const VERSION = ${protocolVersion};`);
  });
});

describe('messages of a root', () => {
  it.each([
    { type: 'forked', run: 'r', pid: 7 },
    { type: 'fork-failed', run: 'r', message: 'no memory' },
    { type: 'reaped', run: 'r', pid: 7, code: 0, signal: null, cpuMs: 1.5, peakKb: 9000 },
    { type: 'reaped', run: null, pid: 7, code: null, signal: 9, cpuMs: null, peakKb: null },
    { type: 'full', what: 'memory' },
  ])('are understood: %j', (message) => {
    expect(forkerMessage.parse(message)).toEqual(message);
  });

  it.each([
    { type: 'forked', run: 'r' },
    { type: 'forked', run: 'r', pid: '7' },
    { type: 'claimed' },
    { type: 'toString' },
  ])('are refused: %j', (message) => {
    expect(forkerMessage.safeParse(message).success).toBe(false);
  });
});

describe('messages of a run', () => {
  it.each([
    { type: 'booted' },
    { type: 'boot-failed', cause: 'threw', class: 'E', message: 'm', file: 'f', line: 1, database: true },
    { type: 'boot-failed', cause: 'exit' },
    { type: 'refused', reason: 'owner', sentence: 's' },
    { type: 'postponed', reason: 'maintenance' },
    { type: 'unclaimed' },
    { type: 'claimed', stamp: '1.000000', lock: '', listeners: 0, connections: [] },
    { type: 'hook', state: 'begun' },
    { type: 'settled', row: 'gone', hook: 'deferred' },
    { type: 'unsettled', message: 'm' },
    { type: 'done', leaving: 'signal', peakKb: 1 },
    { type: 'done', leaving: 'exit', peakKb: 1, locks: 'kept' },
  ])('are understood: %j', (message) => {
    expect(runMessage.parse(message)).toMatchObject(message);
  });

  it.each([...outcomeKinds, 'exit'])('may end as %s', (kind) => {
    expect(runMessage.safeParse({ type: 'ended', at: 1, outcome: { kind, sentence: '' } }).success).toBe(true);
  });

  it.each([
    { type: 'ended', at: 1, outcome: { kind: 'vanished', sentence: '' } },
    { type: 'ended', outcome: { kind: 'completed', sentence: '' } },
    { type: 'claimed', stamp: 1.5, lock: '', listeners: 0, connections: [] },
    { type: 'settled', row: 'kept', hook: 'done' },
    { type: 'refused', reason: 'mood', sentence: 's' },
    { type: 'hello' },
  ])('are refused: %j', (message) => {
    expect(runMessage.safeParse(message).success).toBe(false);
  });

  it('hold every kind of end that the shim writes', async () => {
    const ending = await readFile(new URL('../../php-shim/src/Ending.php', import.meta.url), 'utf8');
    const kinds = [...ending.matchAll(/'kind'\]? ?=>? '([a-z-]+)'/g)].map(([, kind]) => kind);
    expect(kinds).toContain('out-of-memory');
    expect(kinds.filter((kind) => !outcomeKinds.some((known) => known === kind))).toEqual([]);
  });
});

describe('messages of a helper that settles', () => {
  it('are fewer than those of a run', () => {
    expect(settleMessage.safeParse({ type: 'settled', row: 'deleted', hook: 'done' }).success).toBe(true);
    expect(
      settleMessage.safeParse({ type: 'claimed', stamp: '1', lock: '', listeners: 0, connections: [] }).success,
    ).toBe(false);
  });
});
