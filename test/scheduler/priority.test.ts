import { expect, it } from 'vitest';

import { hasPriorities, prioritiesBy } from '../../src/scheduler/priority.js';

const settings = (callbacks: Record<string, number>, serviceHosts: Record<string, number>) => ({
  callbacks: { priority: callbacks },
  serviceHosts: { priority: serviceHosts },
});
const start = (callback: string, serviceHost: string) => ({ handle: 'h', callback, serviceHost });

it('a start comes by its callback, else by its service host', () => {
  const of = prioritiesBy(settings({ 'mail_*': 5, slow: 0 }, { nightly: -10, 'inter*': 10 }));
  expect(of(start('other', 'interactive'))).toBe(10);
  expect(of(start('other', 'nightly'))).toBe(-10);
  expect(of(start('mail_send', 'nightly'))).toBe(5);
  expect(of(start('slow', 'interactive'))).toBe(0);
  expect(of(start('other', 'default'))).toBe(0);
});

it('processes of drupald come by their handle, too', () => {
  const of = prioritiesBy(settings({ 'drupald_queue:*': 3 }, {}));
  expect(of({ handle: 'drupald_queue:1:mail', callback: 'drupald_queue', serviceHost: 'default' })).toBe(3);
});

it('nothing comes first where no number is given', () => {
  expect(hasPriorities(settings({}, {}))).toBe(false);
  expect(hasPriorities(settings({ a: 0 }, {}))).toBe(false);
  expect(hasPriorities(settings({ a: 1 }, {}))).toBe(true);
  expect(hasPriorities(settings({}, { nightly: -1 }))).toBe(true);
});
