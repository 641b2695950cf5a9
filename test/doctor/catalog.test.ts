import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findingCatalog, type FindingCode, type FindingEntry } from '../../src/doctor/catalog.js';
import { finding } from '../../src/doctor/findings.js';

const entries = Object.entries(findingCatalog) as [FindingCode, FindingEntry][];

/** Text of the files in which findings are provoked: tests of the doctor and of the loaded site, without this one. */
function tests(): string {
  const own = new URL('.', import.meta.url);
  const site = new URL('../site/', import.meta.url);
  const files = [
    ...readdirSync(own).map((name) => new URL(name, own)),
    ...readdirSync(site)
      .filter((name) => /^(doctor|warm)/.test(name))
      .map((name) => new URL(name, site)),
  ];
  return files
    .filter(({ pathname }) => pathname.endsWith('.test.ts') && !pathname.endsWith('/catalog.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
}

describe('the catalogue of findings', () => {
  it.each(entries)('%s has a title, and a remedy unless all is well', (code, { level, title, remedy }) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title).not.toMatch(/\.$/);
    if (level === 'ok') expect(remedy).toBeUndefined();
    else expect(remedy).toMatch(/^([A-Z{]).*[.}]$/);
  });

  it('has a test for every finding that provokes it', () => {
    const text = tests();
    expect(entries.map(([code]) => code).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });

  it('is what docs/doctor.md tells', () => {
    const document = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8');
    const told = [...document.matchAll(/^### (.+)$/gm)].map(([, code]) => code);
    expect(told.sort()).toEqual(entries.map(([code]) => code).sort());
  });
});

describe('finding', () => {
  it('fills title and remedy, and shows what is missing as a question mark', () => {
    expect(finding('web-umask', { site: 'http://a', theirs: '0002' })).toEqual({
      code: 'web-umask',
      level: 'warn',
      title: 'http://a: files are made with the umask 0002 under the web server, ? in the workers',
      remedy: 'Set the setting "umask" of the site to "0002".',
    });
  });

  it('does not fill braces that came in with a value', () => {
    expect(finding('does-not-boot', { site: '{reason}', reason: 'secret' }).title).toBe(
      '{reason} does not boot: secret',
    );
  });
});
