import { once } from 'node:events';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Deferred } from '../../src/support/deferred.js';
import { Connection, readLines } from '../../src/workers/connection.js';

const hello = { type: 'hello', v: 1, role: 'worker', secret: 's', pid: 5, php: '8.2' } as const;

let dir: string;
let server: Server;
/** The daemon's end and PHP's end of one link. */
let ours: Socket;
let theirs: Socket;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drupald-connection-'));
  server = createServer();
  server.listen(join(dir, 's'));
  await once(server, 'listening');
  theirs = connect(join(dir, 's'));
  const accepted = (await once(server, 'connection')) as [Socket];
  ours = accepted[0];
});

afterEach(async () => {
  ours.destroy();
  theirs.destroy();
  server.close();
  await rm(dir, { recursive: true, force: true });
});

describe('readLines', () => {
  /** What was read until the other side closed. */
  async function read(...pieces: (string | Buffer)[]): Promise<{ lines: unknown[]; garbage: string[] }> {
    const lines: unknown[] = [];
    const garbage: string[] = [];
    readLines(
      ours,
      (line) => lines.push(line),
      (reason) => garbage.push(reason),
    );
    const closed = once(ours, 'close');
    theirs.on('error', () => undefined);
    for (const piece of pieces) {
      theirs.write(piece);
    }
    theirs.end();
    await closed;
    return { lines, garbage };
  }

  it('gives each line, also several of one piece', async () => {
    expect(await read('{"a":1}\n{"a":2}\n"x"\n')).toEqual({ lines: [{ a: 1 }, { a: 2 }, 'x'], garbage: [] });
  });

  it('joins a line that comes in pieces, cut inside a letter', async () => {
    const bytes = Buffer.from('{"a":"é😀"}\n');
    expect(await read(...[...bytes].map((byte) => Buffer.from([byte])))).toEqual({
      lines: [{ a: 'é😀' }],
      garbage: [],
    });
  });

  it('gives no line that has no end', async () => {
    expect(await read('1\n{"a":2}')).toEqual({ lines: [1], garbage: [] });
  });

  it('ends the link at a line that is not JSON, and reads nothing behind it', async () => {
    expect(await read('1\nnonsense\n2\n')).toEqual({ lines: [1], garbage: ['a line that is not JSON'] });
    expect(ours.destroyed).toBe(true);
  });

  it('takes a line of some megabytes', async () => {
    const text = 'x'.repeat(3 * 1024 * 1024);
    expect((await read(`"${text}"\n`)).lines).toEqual([text]);
  });

  it('ends the link at a line without end', async () => {
    expect(await read('x'.repeat(5 * 1024 * 1024))).toEqual({ lines: [], garbage: ['a line without end'] });
    expect(ours.destroyed).toBe(true);
  });
});

describe('Connection', () => {
  it('keeps what came before somebody listened, in order', () => {
    const connection = new Connection(ours, hello);
    connection.deliver(1);
    connection.deliver(2);
    const heard: unknown[] = [];
    connection.onMessage((message) => heard.push(message));
    connection.deliver(3);
    expect(heard).toEqual([1, 2, 3]);
  });

  it('sends one line of JSON for each message', async () => {
    const connection = new Connection(ours, hello);
    const received = new Deferred<string>();
    let text = '';
    theirs.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.split('\n').length > 2) {
        received.resolve(text);
      }
    });
    connection.send({ type: 'fork', run: 'a\nb' });
    connection.send({ type: 'quit' });
    expect(await received.promise).toBe('{"type":"fork","run":"a\\nb"}\n{"type":"quit"}\n');
  });

  it('says when the other side has closed, and then loses what is sent', async () => {
    const connection = new Connection(ours, hello);
    ours.resume();
    theirs.end();
    await connection.closed;
    expect(() => connection.send({ type: 'quit' })).not.toThrow();
  });

  it('closes', async () => {
    const connection = new Connection(ours, hello);
    const gone = once(theirs.resume(), 'close');
    connection.close();
    await Promise.all([connection.closed, gone]);
    expect(theirs.destroyed).toBe(true);
  });
});
