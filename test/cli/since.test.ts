import { describe, expect, it } from 'vitest';

import { formatMoment } from '../../src/cli/moment.js';
import { parseSince } from '../../src/cli/since.js';

const now = Date.parse('2026-03-15T12:00:00Z');

describe('parseSince', () => {
  it.each([
    ['2 h', 2 * 3600],
    ['30min', 1800],
    ['7 d', 7 * 86_400],
    ['1 h 30 min', 5400],
  ])('%s lies that far back', (text, seconds) => {
    expect(parseSince(text, now)).toBe(now / 1000 - seconds);
  });

  it.each([
    ['2026-01-31', new Date(2026, 0, 31)],
    ['2026-01-31 14:05', new Date(2026, 0, 31, 14, 5)],
    ['2026-01-31T14:05:09', new Date(2026, 0, 31, 14, 5, 9)],
    ['2026-01-31T14:05:09.5', new Date(2026, 0, 31, 14, 5, 9, 500)],
    ['2024-02-29', new Date(2024, 1, 29)],
    ['2026-01-31T14:05Z', new Date('2026-01-31T14:05:00Z')],
    ['2026-01-31 14:05:09 +02:00', new Date('2026-01-31T12:05:09Z')],
    ['2026-01-31T14:05:09-0330', new Date('2026-01-31T17:35:09Z')],
  ])('%s is a date', (text, date) => {
    expect(parseSince(text, now)).toBe(date.getTime() / 1000);
  });

  it.each([
    '',
    'x',
    '2026',
    '10',
    '1.5',
    '2026-02-30',
    '2026-13-01',
    '2026-00-10',
    '2026-01-31 24:00',
    '5 parsecs',
    '-2 h',
    'yesterday',
  ])('%j is neither', (text) => {
    expect(parseSince(text, now)).toBeNull();
  });

  it('reads what is shown', () => {
    const shown = formatMoment(now / 1000);
    expect(parseSince(shown, now)).toBe(now / 1000);
  });
});
