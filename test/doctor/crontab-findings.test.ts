import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cronCall, crontabFindings, type CrontabPlaces } from '../../src/doctor/crontab-findings.js';
import { uris } from './facts.js';

const at = uris('https://www.example.com/shop', 'http://b.test');
const roots = ['/var/www/drupal'];

describe('a line of a crontab', () => {
  it.each([
    ['5 * * * * www-data wget -q -O - https://www.example.com/shop/cron.php?cron_key=KEY', /cron\.php\?…$/],
    ['@hourly curl "http://www.example.com:80/shop/cron.php"', /cron\.php$/],
    ['* * * * * curl -s http://user:pass@b.test/cron.php?cron_key=KEY', /^http:\/\/b\.test\/cron\.php\?…$/],
    ['0 * * * * drush --root=/var/www/drupal/ cron', /^drush cron$/],
    ['0 * * * * cd /var/www/drupal && /opt/drush/drush -q core-cron', /^drush cron$/],
    ['0 * * * * drush -r/var/www/drupal -l b.test cron', /^drush cron$/],
    ['0 * * * * drush --uri=http://b.test cron', /^drush cron$/],
  ])('%s is of this site', (row, how) => {
    const told = cronCall(row, at, roots);
    expect(told).toMatch(how);
    expect(told).not.toMatch(/KEY|pass/);
  });

  it.each([
    ['# 5 * * * * wget https://www.example.com/shop/cron.php'],
    ['5 * * * * wget https://www.example.com/cron.php'],
    ['5 * * * * wget https://www.example.org/shop/cron.php?from=www.example.com'],
    ['5 * * * * wget https://www.example.com/shop/index.php'],
    ['0 * * * * drush --root=/var/www/drupal2 cron'],
    ['0 * * * * drush --root=/var/www/drupal --uri=http://c.test cron'],
    ['0 * * * * drush --root=/srv/other --uri=http://b.test cron'],
    ['0 * * * * drush @live cron'],
    ['0 * * * * cd /var/www/drupal && drush cache-clear all'],
  ])('%s is not, or nobody knows', (row) => {
    expect(cronCall(row, at, roots)).toBeUndefined();
  });
});

describe('crontabs', () => {
  let dir = '';
  const site = { name: 'http://b.test', uris: at, config: { root: '/var/www/drupal', cron: 'auto' } };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'drupald-cron-'));
    await mkdir(join(dir, 'cron.d'));
    await mkdir(join(dir, 'spool'));
    await writeFile(join(dir, 'crontab'), 'SHELL=/bin/sh\n\n* * * * * root curl http://b.test/cron.php?cron_key=KEY\n');
    await writeFile(join(dir, 'cron.d/other'), '* * * * * root curl http://c.test/cron.php\n');
  });

  afterAll(() => rm(dir, { recursive: true }));

  const places = (list?: string): CrontabPlaces => ({
    files: [join(dir, 'crontab'), join(dir, 'nothing')],
    folders: [join(dir, 'cron.d'), join(dir, 'spool'), join(dir, 'nowhere')],
    list: () => Promise.resolve(list),
  });

  it('are told by file and line, without the key', async () => {
    const found = await crontabFindings(site, places());
    expect(found).toMatchObject([{ code: 'crontab', level: 'warn' }]);
    const left = await crontabFindings({ ...site, config: { ...site.config, cron: 'off' } }, places());
    expect(left).toMatchObject([{ code: 'crontab-only', level: 'ok' }]);
    expect(found[0]?.title).toContain(`${join(dir, 'crontab')}, line 3,`);
    expect(JSON.stringify(found)).not.toContain('KEY');
  });

  it('of the user are asked for where their file cannot be read, and only there', async () => {
    const own = '@daily drush -r /var/www/drupal cron';
    const asked = (await crontabFindings(site, places(own))).map(({ title }) => title);
    expect(asked).toContainEqual(expect.stringContaining('crontab -l, line 1,'));
    await writeFile(join(dir, 'spool/me'), own);
    const read = (await crontabFindings(site, places(own))).map(({ title }) => title);
    expect(read).toContainEqual(expect.stringContaining('spool/me, line 1,'));
    expect(read).not.toContainEqual(expect.stringContaining('crontab -l'));
  });
});
