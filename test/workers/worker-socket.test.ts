import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isError } from '../../src/errors.js';
import { EventBus } from '../../src/events/bus.js';
import { WorkerSocket, type Expectation } from '../../src/workers/worker-socket.js';

let dir: string;
let bus: EventBus;
let socket: WorkerSocket;
let complaints: string[];
const clients: Socket[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drupald-socket-'));
  bus = new EventBus();
  complaints = [];
  bus.on('worker.protocol', ({ reason }) => complaints.push(reason));
  socket = new WorkerSocket(join(dir, 'workers.sock'), bus);
  await socket.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.destroy();
  }
  await socket.stop();
  await rm(dir, { recursive: true, force: true });
});

async function client(): Promise<Socket> {
  const made = connect(socket.path);
  made.on('error', () => undefined);
  clients.push(made);
  await once(made, 'connect');
  return made;
}

function hello(secret: string, changes: object = {}): string {
  return `${JSON.stringify({ type: 'hello', v: 1, role: 'worker', secret, pid: 77, php: '8.2.0', ...changes })}\n`;
}

/** Sends and waits until the daemon has closed the link. */
async function isTurnedAway(text: string): Promise<void> {
  const made = await client();
  // Not once(): a link that is cut while we still write ends with an error first.
  const closed = new Promise((resolve) => made.resume().once('close', resolve));
  made.write(text);
  await closed;
}

async function isStillExpected(expectation: Expectation): Promise<boolean> {
  const made = await client();
  made.write(hello(expectation.secret));
  return (await expectation.connected).hello.pid === 77;
}

describe('WorkerSocket', () => {
  it('is for its owner alone', async () => {
    expect((await stat(socket.path)).mode & 0o777).toBe(0o600);
  });

  it('takes a process with the secret that it was given, and hands on what it says', async () => {
    const expectation = socket.expect();
    const made = await client();
    made.write(`${hello(expectation.secret)}{"type":"booted"}\n`);
    const connection = await expectation.connected;
    expect(connection.hello).toMatchObject({ role: 'worker', pid: 77, php: '8.2.0' });
    const heard = new Promise((resolve) => {
      connection.onMessage(resolve);
    });
    expect(await heard).toEqual({ type: 'booted' });
    const answer = once(made, 'data');
    connection.send({ type: 'job' });
    expect(String((await answer)[0])).toBe('{"type":"job"}\n');
    expect(complaints).toEqual([]);
  });

  it('gives the right link to each of several, whatever their order', async () => {
    const expectations = Array.from({ length: 20 }, () => socket.expect());
    expect(new Set(expectations.map(({ secret }) => secret)).size).toBe(20);
    for (const [index, { secret }] of [...expectations.entries()].reverse()) {
      (await client()).write(hello(secret, { pid: 1_000 + index }));
    }
    const connections = await Promise.all(expectations.map(({ connected }) => connected));
    expect(connections.map((connection) => connection.hello.pid)).toEqual(
      expectations.map((_, index) => 1_000 + index),
    );
  });

  it('takes a secret once', async () => {
    const expectation = socket.expect();
    (await client()).write(hello(expectation.secret, { pid: 1 }));
    expect((await expectation.connected).hello.pid).toBe(1);
    await isTurnedAway(hello(expectation.secret, { pid: 2 }));
    expect((await expectation.connected).hello.pid).toBe(1);
    expect(complaints).toEqual(['a first message without a valid secret']);
  });

  it.each([
    ['a wrong secret', hello('0'.repeat(48))],
    ['an empty secret', hello('')],
    ['another message first', '{"type":"booted"}\n'],
    ['no object', '5\n'],
    ['an unknown role', hello('x', { role: 'daemon' })],
  ])('turns away %s, and still expects the right one', async (_what, text) => {
    const expectation = socket.expect();
    await isTurnedAway(text);
    expect(complaints).toEqual(['a first message without a valid secret']);
    expect(await isStillExpected(expectation)).toBe(true);
  });

  it.each([
    ['garbage', 'GET / HTTP/1.1\r\n\r\n', 'a line that is not JSON'],
    ['a line without end', 'x'.repeat(5 * 1024 * 1024), 'a line without end'],
  ])('turns away %s', async (_what, text, complaint) => {
    const expectation = socket.expect();
    await isTurnedAway(text);
    expect(complaints).toEqual([complaint]);
    expect(await isStillExpected(expectation)).toBe(true);
  });

  it('ends the link of a known worker that sends garbage, and names it', async () => {
    const expectation = socket.expect();
    const told = new Promise((resolve) => {
      bus.on('worker.protocol', resolve);
    });
    const made = await client();
    made.write(hello(expectation.secret));
    const connection = await expectation.connected;
    made.write('nonsense\n');
    await connection.closed;
    expect(await told).toEqual({ reason: 'a line that is not JSON', pid: 77 });
  });

  it('refuses another version of the messages, by name', async () => {
    const expectation = socket.expect();
    const refused = expectation.connected.catch((error: unknown) => error);
    await isTurnedAway(hello(expectation.secret, { v: 2 }));
    const error = await refused;
    expect(isError(error, 'WORKER_PROTOCOL')).toBe(true);
    expect((error as Error).message).toContain('version 2 instead of 1');
  });

  it('forgets a secret that is no longer waited for', async () => {
    const expectation = socket.expect();
    expectation.cancel(new Error('no longer'));
    await expect(expectation.connected).rejects.toThrow('no longer');
    await isTurnedAway(hello(expectation.secret));
  });

  it('ends every link and every waiting when it stops, and takes nobody any more', async () => {
    const expectation = socket.expect();
    const silent = await client();
    const closed = once(silent.resume(), 'close');
    await socket.stop();
    await closed;
    await expect(expectation.connected).rejects.toThrow('stopping');
    await expect(client()).rejects.toThrow();
  });

  it('takes the place of a file that a dead daemon left', async () => {
    const path = join(dir, 'left.sock');
    await writeFile(path, '');
    const second = new WorkerSocket(path, bus);
    await second.start();
    expect((await stat(path)).isSocket()).toBe(true);
    await second.stop();
  });
});
