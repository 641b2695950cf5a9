import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DrupaldError, errorCatalog, fail, isError, type ErrorEntry, type ErrorName } from '../src/errors.js';

const entries = Object.entries(errorCatalog) as [ErrorName, ErrorEntry][];

describe('the catalogue of errors', () => {
  it.each(entries)('%s has a code of its name, two sentences and an exit code', (name, entry) => {
    expect(entry.code).toBe(`DRUPALD_${name}`);
    expect(entry.message).toMatch(/^[A-Za-z"].*\.$/);
    expect(entry.remedy).toMatch(/^[A-Z].*\.$/);
    expect([1, 2, 75]).toContain(entry.exitCode);
  });

  it('is what docs/errors.md tells', () => {
    const document = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    const sections = document.split(/^## /m).slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(entries.map(([, { code }]) => code));
    for (const [index, [, entry]] of entries.entries()) {
      const section = sections[index] ?? '';
      expect(section).toContain(`Exit code ${String(entry.exitCode)}`);
      expect(/HTTP status (\d+)/.exec(section)?.[1]).toBe(entry.httpStatus?.toString());
      const firstWords = entry.remedy.split(/"?\{/)[0] ?? '';
      expect(section.replaceAll('\\', '')).toContain(firstWords);
    }
  });
});

describe('fail', () => {
  it('fills both sentences and keeps the values', () => {
    const cause = new Error('x');
    const error = fail('MODULE_NOT_ENABLED', { module: 'progress', uri: 'http://a' }, { cause });
    expect(error).toBeInstanceOf(DrupaldError);
    expect(error.message).toBe('The module progress is not enabled on http://a.');
    expect(error.remedy).toContain('"drush en progress"');
    expect(error).toMatchObject({
      code: 'DRUPALD_MODULE_NOT_ENABLED',
      exitCode: 2,
      details: { module: 'progress' },
      cause,
    });
    expect(error).not.toHaveProperty('httpStatus', expect.anything());
  });

  it('shows what is missing as a question mark', () => {
    const error = fail('START_DENIED');
    expect(error.message).toBe('The token of the start of ? is wrong.');
    expect(error.httpStatus).toBe(403);
  });

  it('does not fill braces that came in with a value', () => {
    expect(fail('START_DENIED', { handle: '{token}', token: 'secret' }).message).not.toContain('secret');
  });

  it('is told apart by name', () => {
    expect(isError(fail('PORT_IN_USE'), 'PORT_IN_USE')).toBe(true);
    expect(isError(fail('PORT_IN_USE'), 'START_DENIED')).toBe(false);
    expect(isError(new Error('PORT_IN_USE'), 'PORT_IN_USE')).toBe(false);
  });
});
