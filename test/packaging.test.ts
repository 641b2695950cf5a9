import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate, ValidationSeverity, type ValidatorSettings } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.js';

const read = (name: string): string => readFileSync(name, 'utf8');
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
);
const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;

/** What the lint would otherwise only warn about or pass over. */
const strict: ValidatorSettings = {
  deprecatedMaintainer: ValidationSeverity.ERROR,
  directiveCasing: ValidationSeverity.ERROR,
  emptyContinuationLine: ValidationSeverity.ERROR,
  instructionCasing: ValidationSeverity.ERROR,
  instructionCmdMultiple: ValidationSeverity.ERROR,
  instructionEntrypointMultiple: ValidationSeverity.ERROR,
  instructionHealthcheckMultiple: ValidationSeverity.ERROR,
  instructionJSONInSingleQuotes: ValidationSeverity.ERROR,
  instructionWorkdirRelative: ValidationSeverity.ERROR,
};

const lint = (text: string): string[] =>
  validate(text, strict).map(
    ({ message, range }) => `line ${String(range.start.line + 1)}: ${JSON.stringify(message)}`,
  );

describe('packaging', () => {
  it('has an example of a configuration that is valid', () => {
    const config = loadConfig({ file: 'drupald.example.yml', env: {}, flags: {} });
    expect(config.sites).toMatchObject([
      { root: '/var/www/drupal', uris: ['https://www.example.com', 'https://intern.example.com'] },
    ]);
    expect(config.slots).toBe('auto');
  });

  it.each(['drupald.service', 'drupald@.service'])('%s lets running work outlive a restart', (name) => {
    const unit = read(`packaging/systemd/${name}`);
    expect(unit).toMatch(/^KillMode=process$/m);
    expect(unit).toMatch(/^RuntimeDirectoryPreserve=yes$/m);
    expect(unit).not.toMatch(/^PrivateTmp=(yes|true|1)/m);
    expect(unit).toMatch(/^User=(?!root)\S+$/m);
  });

  it.each(['drupald.service', 'drupald@.service'])('%s waits until starts are taken', (name) => {
    const unit = read(`packaging/systemd/${name}`);
    expect(unit).toMatch(/^Type=notify$/m);
    // It is told by a child of the daemon.
    expect(unit).toMatch(/^NotifyAccess=all$/m);
    expect(unit).toMatch(/^WatchdogSec=\d+$/m);
  });

  it('has a socket unit for the address of the example', () => {
    const { listen } = loadConfig({ file: 'drupald.example.yml', env: {}, flags: {} });
    const unit = read('packaging/systemd/drupald.socket');
    expect(/^ListenStream=(.+)$/m.exec(unit)?.[1]).toBe(`${listen.host}:${String(listen.port)}`);
  });

  it('has a unit and an example that mean the same state directory', () => {
    const { stateDir } = loadConfig({ file: 'drupald.example.yml', env: {}, flags: {} });
    const unit = read('packaging/systemd/drupald.service');
    expect(`/var/lib/${/^StateDirectory=(.+)$/m.exec(unit)?.[1] ?? ''}`).toBe(stateDir);
    expect(unit).not.toContain('DRUPALD_STATE_DIR');
  });

  it('has containers that drupald knows by the name in the service host', () => {
    const name = /http:\/\/([\w-]+):8970/.exec(read('docker/site/settings.php'))?.[1];
    expect(read('docker-compose.yml')).toContain(`hostname: ${name ?? '?'}\n`);
  });

  it.skipIf(!systemd).each(['drupald.service', 'drupald@.service'])('%s is a unit that systemd accepts', (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'drupald-units-'));
    try {
      // Only the place of node differs from machine to machine.
      const unit = read(`packaging/systemd/${name}`).replace('/usr/bin/node', process.execPath);
      const file = join(folder, name.replace('@', '@www-data'));
      writeFileSync(file, unit);
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      const about = stderr.split('\n').filter((line) => line.includes('drupald'));
      expect({ status, about }).toEqual({ status: 0, about: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(['Dockerfile', 'docker/web/Dockerfile'])('%s passes the lint', (name) => {
    expect(lint(read(name))).toEqual([]);
    expect(lint(read(name).replace(/^COPY (\S+).*$/m, 'COPY $1'))).toHaveLength(1);
  });

  it.skipIf(!compose)('has a compose file that compose understands', () => {
    const [program = '', ...args] = compose ?? [];
    const text = execFileSync(program, [...args, '-f', 'docker-compose.yml', 'config'], { encoding: 'utf8' });
    for (const service of ['db', 'install', 'web', 'drupald']) {
      expect(text).toContain(`${service}:`);
    }
  });

  it('builds an image that runs as an ordinary user under an init', () => {
    const stages = read('Dockerfile')
      .split(/^FROM /m)
      .slice(1);
    expect(stages).toHaveLength(2);
    const last = stages.at(-1) ?? '';
    expect(last).toMatch(/^USER www-data$/m);
    expect(last.lastIndexOf('USER ')).toBeLessThan(last.indexOf('ENTRYPOINT'));
    expect(last).toMatch(/^ENTRYPOINT \["tini", /m);
    expect(last).toMatch(/^HEALTHCHECK /m);
    // Nothing is copied that the build context leaves out.
    for (const [, name = ''] of read('Dockerfile').matchAll(/^COPY (?!--from)(\S+)/gm)) {
      expect(read('.dockerignore').split('\n')).not.toContain(name.replace('./', ''));
    }
  });
});
