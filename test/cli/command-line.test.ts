import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatFindings } from '../../src/cli/doctor.js';
import { runCommandLine, version } from '../../src/cli/program.js';
import { formatStatus } from '../../src/cli/ps.js';

let dir = '';
let cwd = '/';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'drupald-cli-'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

async function drupald(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCommandLine(args, {
    stdout: { write: (text: string | Uint8Array) => ((out += String(text)), true) },
    stderr: { write: (text: string | Uint8Array) => ((err += String(text)), true) },
    env: { HOME: dir, XDG_STATE_HOME: dir },
    cwd,
  });
  return { code, out, err };
}

describe('the command line', () => {
  it('shows help and version', async () => {
    expect(await drupald('--version')).toMatchObject({ code: 0, out: `${version()}\n` });
    const { code, out } = await drupald('serve', '--help');
    expect(code).toBe(0);
    for (const flag of [
      '--root',
      '--uri',
      '--listen',
      '--config',
      '--user',
      '--state-dir',
      '--slots',
      '--isolation',
      '--grace',
      '--php',
      '--log-format',
      '--log-level',
    ]) {
      expect(out).toContain(flag);
    }
  });

  it.each([[['serv']], [['serve', '--prot', '1']], [['config']], [['serve', '--listen']]])(
    'ends with 2 on wrong use: %j',
    async (args) => {
      const { code, err } = await drupald(...args);
      expect(code).toBe(2);
      expect(err).not.toBe('');
    },
  );

  it('gives each --uri to the --root before it', async () => {
    const { code, out } = await drupald(
      'config',
      'show',
      '--json',
      '--root',
      '/a',
      '--uri',
      'http://a',
      '--uri',
      'https://a',
      '--root',
      '/b',
      '--uri',
      'http://b',
      '--php',
      'php9',
    );
    expect(code).toBe(0);
    expect((JSON.parse(out) as { sites: unknown }).sites).toMatchObject([
      { root: '/a', uris: ['http://a', 'https://a'], php: 'php9' },
      { root: '/b', uris: ['http://b'] },
    ]);
  });

  it.each([
    [['serve'], 'DRUPALD_CONFIG_MISSING'],
    [['serve', '--uri', 'http://a'], 'DRUPALD_CONFIG_MISSING'],
    [['serve', '--root', '/a'], 'DRUPALD_CONFIG_MISSING'],
    [['serve', '--root', '/a', '--uri', 'a'], 'DRUPALD_URI_INVALID'],
    [['serve', '--root', '/a', '--uri', 'http://a', '--slots', '-1'], 'DRUPALD_CONFIG_WRONG_TYPE'],
    [['config', 'check', '--config', '/nowhere.yml'], 'DRUPALD_CONFIG_FILE_UNREADABLE'],
  ])('%j ends with 2, one sentence, a remedy and a code', async (args, code) => {
    const result = await drupald(...args);
    expect(result.code).toBe(2);
    expect(result.err.trim().split('\n')).toHaveLength(2);
    expect(result.err).toContain(`[${code}]`);
    expect(result.err).not.toContain('    at ');
    expect((await drupald(...args, '--debug')).err).toContain('    at ');
  });

  it('checks a file', async () => {
    const file = join(dir, 'drupald.yml');
    writeFileSync(file, 'sites: [{ root: /a, uris: [http://a], env: { DB_PASSWORD: hush } }]');
    expect(await drupald('config', 'check', '--config', file)).toMatchObject({
      code: 0,
      out: 'The configuration is right: 1 site. Folders, programs and sites were not tried; "drupald doctor" does that.\n',
    });
    const shown = await drupald('config', 'show', '--config', file);
    expect(shown.out).toContain('backlog.max');
    expect(shown.out).toContain('30 s');
    expect(shown.out).not.toContain('hush');
    writeFileSync(file, 'slotz: 3');
    expect(await drupald('config', 'check', '--config', file)).toMatchObject({ code: 2, out: '' });
  });

  it('says which file it found by itself, beside what it prints', async () => {
    cwd = mkdtempSync(join(dir, 'here-'));
    writeFileSync(join(cwd, 'drupald.yml'), 'sites: [{ root: a, uris: [http://a] }]');
    const checked = await drupald('config', 'check', '--json');
    expect(checked).toMatchObject({ code: 0, err: `Configuration: ${join(cwd, 'drupald.yml')}\n` });
    expect(JSON.parse(checked.out)).toEqual({ ok: true, sites: 1 });
    expect((await drupald('config', 'show')).out).toContain(join(cwd, 'a'));
    expect((await drupald('config', 'check', '--root', '/b', '--uri', 'http://b')).err).toBe('');
    cwd = '/';
  });

  it('says that no daemon runs', async () => {
    for (const command of ['ps', 'doctor', 'detach']) {
      const { code, err } = await drupald(command, '--state-dir', dir);
      expect(code).toBe(1);
      expect(err).toContain('[DRUPALD_DAEMON_NOT_RUNNING]');
    }
  });
});

describe('what people see', () => {
  const daemon = {
    pid: 7,
    version: '0.1.0',
    startedAt: '2026-01-01T00:00:00Z',
    listen: '127.0.0.1:8970',
    state: 'ready',
  };
  const now = Date.parse('2026-01-01T00:01:05Z');

  it('of a daemon with work', () => {
    const text = formatStatus(
      {
        daemon,
        troubles: [
          { code: 'DRUPALD_X', site: 'http://a', message: 'It is \u001b[2Jfull.', remedy: 'Make room.', since: '' },
        ],
        sites: [
          {
            name: 'http://a',
            uris: [],
            state: 'cannot-boot',
            reason: 'no \u001b[2Jdatabase',
            slots: 4,
            running: 1,
            waiting: 2,
            held: 0,
            unsettled: 2,
          },
        ],
        runs: [
          { handle: 'uc:cron', callback: 'f', site: 'http://a', state: 'running', pid: 9, waitedMs: 3, ranMs: 61_000 },
        ],
        waitingTotal: 2,
      },
      false,
      now,
    );
    expect(text.split('\n')[0]).toBe(
      'drupald 0.1.0, process 7, on 127.0.0.1:8970, up 1 min 5 s: ready, 1 running, 2 waiting',
    );
    expect(text).toMatch(/^uc:cron +f +http:\/\/a +running +9 +3 ms +1 min 1 s$/m);
    expect(text).toContain('http://a: no \ufffd[2Jdatabase');
    expect(text).toContain('DRUPALD_X: It is \ufffd[2Jfull. Make room.');
    expect(text).toContain('http://a: 2 ended and cannot be told to the site yet.');
    expect(text).not.toContain('\u001b');
  });

  it('of one without', () => {
    expect(formatStatus({ daemon, troubles: [], sites: [], runs: [], waitingTotal: 0 }, false, now)).toContain(
      'Nothing runs.',
    );
  });

  it('of the doctor', () => {
    const text = formatFindings(
      [
        { code: 'boots', level: 'ok', title: 'Fine.' },
        { code: 'clock', level: 'problem', title: 'Bad.', remedy: 'Do this.' },
      ],
      false,
      false,
    );
    expect(text).toContain('No daemon runs');
    expect(text).toContain('problem  Bad.\n         Do this.');
    expect(text).toMatch(/1 problem, 0 warnings$/);
    expect(formatFindings([], true, true)).not.toContain('No daemon');
  });
});
