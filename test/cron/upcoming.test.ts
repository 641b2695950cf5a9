import { expect, test } from 'vitest';

import { nextRuns } from '../../src/cron/upcoming.js';
import { Zone } from '../../src/cron/zone.js';

const zone = (name: string): Zone => Zone.named(name)!;
const at = Date.UTC(2025, 5, 1, 12, 0);

test('what begins next, of several jobs, each in its own zone', () => {
  const job = (name: string, of: string, ...starts: number[]) => ({
    site: 's',
    name,
    zone: zone(of),
    starts: starts.values(),
  });
  const jobs = [
    job('a', 'Europe/Tallinn', at, at + 2000),
    job('none', 'UTC'),
    job('b', 'UTC', at, at + 1000, at + 3000),
  ];
  expect(nextRuns(jobs, 4).map(({ name, at: when }) => [name, when])).toEqual([
    ['a', '2025-06-01T15:00:00+03:00'],
    ['b', '2025-06-01T12:00:00+00:00'],
    ['b', '2025-06-01T12:00:01+00:00'],
    ['a', '2025-06-01T15:00:02+03:00'],
  ]);
  expect(nextRuns([job('a', 'UTC', at)], 10)).toHaveLength(1);
});
