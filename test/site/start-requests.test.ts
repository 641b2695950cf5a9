import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events } from '../harness/fixture-log.js';
import { insertRow, newToken, rawUrlEncode, readRow, startPath } from '../harness/row.js';
import { fence, finished, newHandle } from '../harness/run.js';
import { moduleRequest, post, send, sendAndLeave } from '../harness/wire.js';

const twice = (text: string): string => rawUrlEncode(rawUrlEncode(text));

/** Ways to write the start of a handle and token. */
const FORMS: Readonly<Record<string, (handle: string, token: string) => string>> = {
  'encoded twice, as the module sends it': startPath,
  'encoded once': (handle, token) => `/bgp-start/${rawUrlEncode(handle)}/${token}`,
  'the old path': (handle, token) => `/bgp:start/${twice(handle)}/${token}`,
  'the old path, encoded': (handle, token) => `/bgp%3Astart/${twice(handle)}/${token}`,
  'upper case': (handle, token) => `/BGP-START/${twice(handle)}/${token}`,
  'with index.php': (handle, token) => `/index.php/bgp-start/${twice(handle)}/${token}`,
  'as a query': (handle, token) => `/?q=bgp-start/${twice(handle)}/${token}`,
  'as a query of index.php': (handle, token) => `/index.php?q=bgp-start/${twice(handle)}/${token}`,
  'with a language prefix': (handle, token) => `/da/bgp-start/${twice(handle)}/${token}`,
  'with a slash at the end': (handle, token) => `${startPath(handle, token)}/`,
  'with double slashes': (handle, token) => `//bgp-start//${twice(handle)}//${token}`,
  'as an absolute target': (handle, token) => `http://site.test${startPath(handle, token)}`,
};

/** Handles that are easily spoilt on their way. */
const HANDLES: readonly string[] = [
  'uc:node_cron',
  'a/b/c',
  'with blanks in it',
  '100 % sure',
  'literally%20encoded',
  'a%2Fb',
  'one+one',
  'blåbærgrød',
  '漢字 and ♥',
  'quotes \' and " and \\',
  '?q=x&y#z',
  'x'.repeat(255),
  'é'.repeat(255),
];

describeSites(
  'start requests',
  [],
  (kind) => {
    const bench = prepareBench(kind, { daemon: { slots: 4 } });

    /** Sends a start and waits for its end; answers the HTTP answer. */
    async function runs(handle: string, path: string, options: Parameters<typeof post>[2] = {}) {
      const answer = await post(bench.daemon.port, path, options);
      expect(answer.status, answer.body).toBe(200);
      await event(bench.site, handle, 'mark');
      await finished(bench, handle);
      expect(await readRow(bench.site, handle)).toBeUndefined();
      return answer;
    }

    test('the answer is text/plain with a length and closes the connection', async () => {
      const handle = newHandle('answer');
      const token = await insertRow(bench.site, { handle });
      const answer = await runs(handle, startPath(handle, token));
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(answer.headers.get('connection')).toBe('close');
      expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(answer.body));
    });

    test('the module itself starts a process', async () => {
      const handle = await bench.caller.start('drupald_fixture_mark', ['by the module']);
      expect((await event(bench.site, String(handle), 'mark')).detail).toBe('by the module');
    });

    for (const [name, form] of Object.entries(FORMS)) {
      test(`a request ${name}`, async () => {
        const handle = newHandle('form of request');
        const token = await insertRow(bench.site, { handle });
        await runs(handle, form(handle, token));
      });
    }

    for (const handle of HANDLES) {
      test(`the handle ${handle.slice(0, 30)}`, async () => {
        const token = await insertRow(bench.site, { handle });
        await runs(handle, startPath(handle, token));
      });
    }

    test('a handle sent raw with slashes in it', async () => {
      const handle = `raw/${newHandle('slashes')}`;
      const token = await insertRow(bench.site, { handle });
      await runs(handle, `/bgp-start/${handle}/${token}`);
    });

    test('a handle is compared as the column compares, and runs under its own spelling', async () => {
      const handle = newHandle('Résumé');
      const token = await insertRow(bench.site, { handle });
      const other = handle.replace('Résumé', 'RESUME');
      expect((await post(bench.daemon.port, startPath(other, token))).status).toBe(200);
      await event(bench.site, handle, 'mark');
    });

    for (const method of ['GET', 'HEAD', 'PUT', 'POST']) {
      test(`the method ${method}`, async () => {
        const handle = newHandle(method);
        const token = await insertRow(bench.site, { handle });
        await runs(handle, startPath(handle, token), { method });
      });
    }

    test('HTTP/1.0 without a Host, and HTTP/1.1', async () => {
      const first = newHandle('without host');
      await runs(first, startPath(first, await insertRow(bench.site, { handle: first })), {
        host: null,
      });
      const second = newHandle('eleven');
      await runs(second, startPath(second, await insertRow(bench.site, { handle: second })), {
        version: '1.1',
      });
    });

    for (const [name, headers] of [
      ['60 KB of headers', Array.from({ length: 15 }, (_, i) => `X-Long-${i}: ${'y'.repeat(4000)}`)],
      ['100 headers', Array.from({ length: 100 }, (_, i) => `X-Many-${i}: ${i}`)],
      ['folded headers', ['X-Folded: one', '  two', '\tthree']],
      ['a cookie and a login', ['Cookie: SESSabc=def', 'Authorization: Basic eDp5']],
    ] as const) {
      test(`a request with ${name}`, async () => {
        const handle = newHandle(name);
        const token = await insertRow(bench.site, { handle });
        await runs(handle, startPath(handle, token), { headers });
      });
    }

    test('a client that sends byte by byte', async () => {
      const handle = newHandle('bytes');
      const token = await insertRow(bench.site, { handle });
      const bytes = moduleRequest(startPath(handle, token));
      expect((await send({ port: bench.daemon.port, bytes, byteByByte: true })).status).toBe(200);
      await event(bench.site, handle, 'mark');
    });

    test('a client that closes its half', async () => {
      const handle = newHandle('half');
      const token = await insertRow(bench.site, { handle });
      const bytes = moduleRequest(startPath(handle, token));
      const answered = send({ port: bench.daemon.port, bytes, halfClose: true });
      await Promise.all([answered.catch(() => undefined), event(bench.site, handle, 'mark')]);
      expect((await answered).status).toBe(200);
    });

    test('a client that leaves at once', async () => {
      const handle = newHandle('gone');
      const token = await insertRow(bench.site, { handle });
      await sendAndLeave(bench.daemon.port, moduleRequest(startPath(handle, token)));
      await event(bench.site, handle, 'mark');
    });

    test('bytes after an empty body change nothing', async () => {
      const handle = newHandle('body');
      const token = await insertRow(bench.site, { handle });
      const bytes = `${moduleRequest(startPath(handle, token))}surplus=1`;
      const answered = send({ port: bench.daemon.port, bytes });
      await event(bench.site, handle, 'mark');
      expect((await answered).status).toBe(200);
    });

    test('a wrong and an empty token are refused, and the row stays as it was', async () => {
      const handle = newHandle('token');
      const token = await insertRow(bench.site, { handle });
      const empty = newHandle('empty');
      await insertRow(bench.site, { handle: empty, token: '' });
      for (const path of [
        startPath(handle, newToken()),
        startPath(handle, token.toUpperCase().replace(/\d/g, '0')),
        `/bgp-start/${handle}//x`,
        `/bgp-start/${empty}//x`,
      ]) {
        const answer = await post(bench.daemon.port, path);
        expect([403, 404], `${path}: ${answer.statusLine}`).toContain(answer.status);
      }
      expect((await post(bench.daemon.port, startPath(handle, newToken()))).status).toBe(403);
      expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 1 });
      expect(await readRow(bench.site, empty)).toMatchObject({ exec_status: 1 });
      await fence(bench);
      expect(await events(bench.site, handle)).toEqual([]);
      expect(await events(bench.site, empty)).toEqual([]);
      await bench.site.sql('DELETE FROM {background_process} WHERE handle IN (?, ?)', [handle, empty]);
    });

    test('an unknown handle is looked for a while, then answered with 404', async () => {
      const late = newHandle('late');
      const token = newToken();
      const waiting = post(bench.daemon.port, startPath(late, token));
      await insertRow(bench.site, { handle: late, token });
      expect((await waiting).status).toBe(200);
      await event(bench.site, late, 'mark');
      const never = await post(bench.daemon.port, startPath(newHandle('never'), newToken()));
      expect(never.status).toBe(404);
    });

    test('other paths are not the daemon’s', async () => {
      expect((await post(bench.daemon.port, '/node/1')).status).toBe(404);
      expect((await post(bench.daemon.port, '/a/../bgp-start/x/y')).status).toBeGreaterThanOrEqual(400);
    });

    test('a foreign Host, a locked row and a running row do not run', async () => {
      const foreign = newHandle('foreign');
      const locked = newHandle('locked');
      const running = newHandle('running');
      const answers = [
        await post(bench.daemon.port, startPath(foreign, await insertRow(bench.site, { handle: foreign })), {
          host: 'elsewhere.example',
        }),
        await post(
          bench.daemon.port,
          startPath(locked, await insertRow(bench.site, { handle: locked, callback: '__LOCKED__' })),
        ),
      ];
      for (const answer of answers) {
        expect(answer.status).toBeGreaterThanOrEqual(400);
      }
      // A second dispatch of a running process is harmless, whatever is answered.
      await post(bench.daemon.port, startPath(running, await insertRow(bench.site, { handle: running, status: 2 })));
      await fence(bench);
      for (const handle of [foreign, locked, running]) {
        expect(await events(bench.site, handle)).toEqual([]);
        expect(await readRow(bench.site, handle)).toBeDefined();
        await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
      }
    });

    test('twenty dispatches at once run once', async () => {
      const handle = newHandle('twenty');
      const token = await insertRow(bench.site, { handle });
      await Promise.all(Array.from({ length: 20 }, () => post(bench.daemon.port, startPath(handle, token))));
      await finished(bench, handle);
      await fence(bench);
      expect(await events(bench.site, handle, 'mark')).toHaveLength(1);
      expect(await events(bench.site, handle, 'shutdown')).toHaveLength(1);
    });
  },
  { both: true },
);
