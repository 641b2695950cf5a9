import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../../src/http/control-client.js';

const STATUS = {
  daemon: { pid: 1, version: '0.1.0', startedAt: '2026-01-01T00:00:00Z', listen: '127.0.0.1:8970', state: 'ready' },
  sites: [{ name: 'a', state: 'ready' }],
  runs: [],
  waitingTotal: 2,
};

let dir = '';
let server: Server | null = null;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'drupald-control-'));
});

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
  rmSync(dir, { recursive: true, force: true });
});

async function answer(status: number, body: unknown): Promise<string[]> {
  const seen: string[] = [];
  server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(join(dir, 'control.sock'));
  await once(server, 'listening');
  writeFileSync(join(dir, 'control.token'), 'abc\n');
  return seen;
}

describe('ControlClient', () => {
  it('asks over the socket with the token', async () => {
    const seen = await answer(200, STATUS);
    const status = await new ControlClient(dir).status();
    expect(seen).toEqual(['GET /v1/status Bearer abc']);
    expect(status).toMatchObject({ waitingTotal: 2, sites: [{ name: 'a', running: 0, held: 0 }] });
  });

  it('gives the findings of the doctor', async () => {
    await answer(200, { findings: [{ code: 'c', level: 'problem', title: 't', remedy: 'r' }] });
    await expect(new ControlClient(dir).doctor()).resolves.toEqual([
      { code: 'c', level: 'problem', title: 't', remedy: 'r' },
    ]);
  });

  it('tells a daemon that does not run, with and without left-over files', async () => {
    const client = new ControlClient(dir);
    await expect(client.status()).rejects.toMatchObject({ code: 'DRUPALD_DAEMON_NOT_RUNNING' });
    writeFileSync(join(dir, 'control.token'), 'abc');
    await expect(client.status()).rejects.toMatchObject({ code: 'DRUPALD_DAEMON_NOT_RUNNING' });
    writeFileSync(join(dir, 'control.sock'), '');
    await expect(client.status()).rejects.toMatchObject({ code: 'DRUPALD_DAEMON_NOT_RUNNING' });
  });

  it.each([
    [401, '', 'DRUPALD_CONTROL_DENIED'],
    [403, '', 'DRUPALD_CONTROL_DENIED'],
    [500, 'oops', 'DRUPALD_CONTROL_FAILED'],
    [200, 'no json', 'DRUPALD_CONTROL_FAILED'],
    [200, { daemon: {} }, 'DRUPALD_CONTROL_FAILED'],
  ])('turns status %d with %j into %s', async (status, body, code) => {
    await answer(status, body);
    const error: unknown = await new ControlClient(dir).status().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('abc');
  });

  it('tells a daemon that breaks off, and one that says nothing in time', async () => {
    await answer(200, '');
    server?.removeAllListeners('request').on('request', (request) => request.socket.destroy());
    await expect(new ControlClient(dir).status()).rejects.toMatchObject({ code: 'DRUPALD_CONTROL_FAILED' });
    server?.removeAllListeners('request');
    const silent = new ControlClient(dir, 50).status();
    await expect(silent).rejects.toThrow(/no answer within 0.05 s/);
    await expect(silent).rejects.toMatchObject({ code: 'DRUPALD_CONTROL_FAILED' });
  });

  it('reads an answer line by line until it is told to end', async () => {
    await answer(200, '');
    server?.removeAllListeners('request').on('request', (_request, response) => response.write('1\n2\n'));
    const end = new AbortController();
    const lines: number[] = [];
    for await (const line of new ControlClient(dir).lines('/v1/x', z.number(), end.signal)) {
      if (lines.push(line) === 2) end.abort();
    }
    expect(lines).toEqual([1, 2]);
  });
});
