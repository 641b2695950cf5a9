import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Apache, hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { freePort } from '../harness/mariadb.js';
import { insertRow, readRow } from '../harness/row.js';
import { newHandle, watchdogAbout, type ProgressRow } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const modules = '/usr/lib/apache2/modules';
const port = await freePort();
const listenAddress = `http://127.0.0.1:${port}`;

/** A virtual host with a name, so that the page shows name and port, and a status page behind a password ("s3 cret"). */
const statusLines = (folder: string, drupald: number): string => `
ProxyPassMatch "^/ruled(/bgp-start/)" "http://127.0.0.1:${drupald}$1"
${['status', 'auth_basic', 'authn_core', 'authn_file', 'authz_user']
  .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  .join('\n')}
ExtendedStatus On
<VirtualHost *:${port}>
  ServerName site.test
  ServerAlias www.site.test
</VirtualHost>
<Location /server-status>
  SetHandler server-status
  RewriteEngine off
  AuthType Basic
  AuthName status
  AuthUserFile ${folder}/status-users
  Require valid-user
</Location>
`;

const run = hasApache() ? describe : describe.skip;

run('processes under Apache, beside those of drupald', () => {
  describeSites('mod_status', [], (kind) => {
    const bench = prepareBench(kind);
    let apache: Apache | undefined;
    const env = { DRUPALD_MOD_STATUS_INTERVAL: '300 ms' };

    const server = (): Apache => {
      if (!apache) throw new Error('Apache does not run yet.');
      return apache;
    };

    beforeAll(async () => {
      const { root, account } = bench.site;
      const { folder } = bench.suite;
      await writePassword(folder);
      apache = await Apache.start({ root, account, folder, port, extra: statusLines(folder, bench.daemon.port) });
      const status = { base_url: `http://watch:s3%20cret@127.0.0.1:${port}/server-status`, http_host: 'site.test' };
      await bench.site.configure({
        conf: {
          file_temporary_path: '/tmp',
          background_process_ass_max_age: 0,
          background_process_service_hosts: {
            default: { base_url: `http://127.0.0.1:${bench.daemon.port}`, http_host: 'site.test' },
            default_ass: status,
            www1: { base_url: listenAddress, http_host: 'site.test' },
            www1_ass: status,
            // By a rule of the web server these go to a drupald.
            www3: { base_url: `${listenAddress}/ruled`, http_host: 'site.test' },
            www3_ass: status,
            www2: { base_url: listenAddress, http_host: 'site.test' },
          },
        },
      });
      await bench.restart({ env });
    }, 120_000);

    afterAll(async () => {
      await apache?.stop();
    });

    /** Starts a process under Apache that waits at a gate of its own name; the pid of the Apache child. */
    const startUnderApache = async (handle: string): Promise<number> => {
      const started = await bench.site.php<boolean>(
        `$process = new BackgroundProcess($args[0]);
         $process->service_host = 'www1';
         return $process->start('drupald_fixture_gate', array($args[0]));`,
        [handle],
      );
      expect(started).toBe(true);
      return (await event(bench.site, handle, 'gate')).pid;
    };

    const said = (name: string, handle?: string): number =>
      bench.daemon.lines.filter((line) => line.event === name && (handle ?? line['handle']) === line['handle']).length;

    /** Waits until so many more sweeps have looked at a page. */
    const sweeps = async (more: number): Promise<void> => {
      const before = said('status.swept');
      await waitFor(() => said('status.swept') >= before + more, {
        what: `${more} sweeps`,
        seen: () => bench.daemon.output.slice(-3000),
      });
    };

    test('a process that runs is left alone, also after a graceful restart, and ends by itself', async () => {
      const handle = newHandle('lives é');
      await startUnderApache(handle);
      await sweeps(4);
      await server().reconfigure(`${statusLines(bench.suite.folder, bench.daemon.port)}\n# restarted`);
      await sweeps(4);
      expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2, service_host: 'www1' });
      expect(await events(bench.site, handle, 'shutdown')).toEqual([]);
      // The module compares "site.test" with "site.test:PORT": said once, not at every sweep.
      const told = bench.daemon.lines.filter((line) => line.event === 'status.differs' && line['handle'] === handle);
      expect(told).toMatchObject([{ verdict: 'alive', moduleVerdict: 'gone', serviceHost: 'www1' }]);
      await openGate(bench.site, handle);
      expect(await shutdowns(bench.site, handle)).toMatchObject([{ message: null }]);
      await nothingLeft(bench.site, bench.daemon);
    });

    test('one whose Apache child was killed is unlocked with the cause, and the hook is told once', async () => {
      const handle = newHandle('killed');
      const other = newHandle('other');
      const pid = await startUnderApache(handle);
      await startUnderApache(other);
      await sweeps(2);
      // The module would give up as long as any request is being read.
      const reading = await halfRequest();
      const token = (await readRow(bench.site, handle))?.token ?? '';
      process.kill(pid, 'SIGKILL');
      const cause = 'Its PHP under the web server www1 is gone';
      const told = await shutdowns(bench.site, handle);
      expect(told).toMatchObject([{ message: expect.stringContaining(cause) as string }]);
      await bench.daemon.logged(
        (line) => line.event === 'status.unlocked' && line['handle'] === handle,
        'status.unlocked',
      );
      const [progress] = await bench.site.sql<ProgressRow>('SELECT * FROM {progress} WHERE name = ?', [handle]);
      expect(progress?.message).toContain(cause);
      expect(progress?.end_stamp).toBeGreaterThan(0);
      expect((await watchdogAbout(bench.site, handle)).join('\n')).toContain(cause);
      await sweeps(3);
      expect(await events(bench.site, handle, 'shutdown')).toHaveLength(1);
      expect(await readRow(bench.site, other)).toMatchObject({ exec_status: 2 });
      reading.destroy();
      await openGate(bench.site, other);
      await shutdowns(bench.site, other);
      expect(token).not.toBe('');
      expect(bench.daemon.output).not.toContain(token);
      expect(bench.daemon.output).not.toMatch(/s3(%20| )cret/);
      await nothingLeft(bench.site, bench.daemon);
    });

    test('rows of a drupald, and of hosts without a status page, are left alone', async () => {
      const ours = newHandle('ours');
      const elsewhere = newHandle('elsewhere');
      const lonely = newHandle('lonely');
      const gone = newHandle('gone');
      await insertRow(bench.site, { handle: ours, serviceHost: 'default', status: 2, ageSeconds: 600 });
      await insertRow(bench.site, { handle: elsewhere, serviceHost: 'www3', status: 2, ageSeconds: 600 });
      await insertRow(bench.site, { handle: lonely, serviceHost: 'www2', status: 2, ageSeconds: 600 });
      await insertRow(bench.site, { handle: gone, serviceHost: 'www1', status: 2, ageSeconds: 600 });
      await shutdowns(bench.site, gone);
      const judged = await bench.daemon.logged((line) => line['handle'] === elsewhere, 'a verdict');
      expect(judged).toMatchObject({
        verdict: 'unknown',
        evidence: expect.stringContaining('by a drupald') as string,
      });
      expect(await readRow(bench.site, elsewhere)).toMatchObject({ exec_status: 2 });
      await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [elsewhere]);
      for (const handle of [ours, lonely]) {
        expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
        expect(said('status.judged', handle)).toBe(0);
        await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
      }
    });

    test('with mode report a line is all that happens', async () => {
      await bench.restart({ env: { ...env, DRUPALD_MOD_STATUS_MODE: 'report' } });
      const handle = newHandle('reported');
      const pid = await startUnderApache(handle);
      process.kill(pid, 'SIGKILL');
      const line = await bench.daemon.logged(
        ({ event: name, handle: about }) => name === 'status.gone' && about === handle,
        'status.gone',
      );
      expect(line).toMatchObject({ serviceHost: 'www1', verdict: 'gone' });
      await sweeps(3);
      expect(said('status.gone', handle)).toBe(1);
      expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
      expect(await events(bench.site, handle, 'shutdown')).toEqual([]);
      await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
    });
  });
});

/** The user "watch" of the status page, as htpasswd -s writes him. */
async function writePassword(folder: string): Promise<void> {
  await writeFile(`${folder}/status-users`, `watch:{SHA}${createHash('sha1').update('s3 cret').digest('base64')}\n`);
}

/** A connection whose request is only half there: state R. */
async function halfRequest(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.write('GET /half HTTP/1.0\r\n');
  return socket;
}
