import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load.js';

const read = (name: string): string => readFileSync(name, 'utf8');
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
);

describe('packaging', () => {
  it('has an example of a configuration that is valid', () => {
    const config = loadConfig({ file: 'drupald.example.yml', env: {}, flags: {} });
    expect(config.sites).toMatchObject([
      { root: '/var/www/drupal', uris: ['https://www.example.com', 'https://intern.example.com'] },
    ]);
    expect(config.slots).toBe(8);
  });

  it.each(['drupald.service', 'drupald@.service'])('%s lets running work outlive a restart', (name) => {
    const unit = read(`packaging/systemd/${name}`);
    expect(unit).toMatch(/^KillMode=process$/m);
    expect(unit).not.toMatch(/^PrivateTmp=(yes|true|1)/m);
    expect(unit).toMatch(/^User=(?!root)\S+$/m);
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
