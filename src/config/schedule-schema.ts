import * as kinds from './kinds.js';
import { setting } from './setting.js';

/** Settings of one entry of `schedule`. */
export const scheduleSettings = {
  rule: setting({
    kind: kinds.text,
    defaultText: 'none; must be given',
    example: '"*/15 8-17 * * mon-fri"',
    sentence: 'When it runs: five fields as in a crontab, several rules with ";" between them. See docs/scheduling.md.',
  }),
  callback: setting({
    kind: kinds.callback,
    defaultText: 'none; exactly one of callback, queue and cron must be given',
    example: 'mymodule_nightly or MyClass::nightly',
    sentence: 'PHP function that runs, as a process of Background Process without an owner.',
  }),
  arguments: setting({
    kind: kinds.anyList,
    default: [],
    example: '[full, 500]',
    sentence: 'What the callback is given.',
  }),
  queue: setting({
    kind: kinds.text,
    defaultText: 'none',
    example: 'my_exports',
    sentence: 'Queue that is worked off until it is empty, also one that is left alone otherwise.',
  }),
  cron: setting({
    kind: kinds.yes,
    defaultText: 'none',
    example: 'true',
    sentence: 'Cron of the site runs as a whole; with Ultimate Cron each job that is enabled.',
  }),
  site: setting({
    kind: kinds.text,
    defaultText: 'the only site',
    example: 'https://www.example.com',
    sentence: 'One of the addresses of the site, where there are several sites.',
  }),
  zone: setting({
    kind: kinds.text,
    defaultText: 'the time zone of the site',
    example: 'Europe/Tallinn',
    sentence: 'Time zone in which the rule is read.',
  }),
  overlap: setting({
    kind: kinds.choice('skip', 'queue', 'replace'),
    default: 'skip',
    example: 'queue',
    sentence:
      'What becomes of a run that is due while the one before still runs. skip: it is left out; queue: it begins when that one has ended (one waits at most); replace: that one is ended, then it begins.',
  }),
  jitter: setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '0 s',
    example: '5 min',
    sentence:
      'Each run begins up to this much later, by chance, but at the same moment on every daemon, and within the first three quarters of its period.',
  }),
  limit: setting({
    kind: kinds.durationFrom(1),
    unit: 'ms',
    defaultText: 'callbacks.time',
    example: '30 min',
    sentence: 'How long a run may take. One that takes longer is ended.',
  }),
  catch_up: setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '1 d',
    example: '1 h',
    sentence: 'How long after its time a run that was missed may still begin; of several the latest one does.',
  }),
} as const;
