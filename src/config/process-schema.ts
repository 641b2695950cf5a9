import * as kinds from './kinds.js';
import { setting } from './setting.js';

/** Settings for some processes: of a service host, or of a callback. */
export const processSettings = {
  'service_hosts.slots': setting({
    kind: kinds.mapOf(kinds.integer(1, 10_000)),
    default: {},
    example: '{ background_batch: 4 }',
    sentence:
      'Number of processes of a service host that run at the same time, by its name; * stands for anything, the first pattern that fits counts, and hosts that share a pattern share its number.',
  }),
  'service_hosts.priority': setting({
    kind: kinds.mapOf(kinds.integer(-1_000, 1_000)),
    default: {},
    example: '{ interactive: 10, nightly: -10 }',
    sentence:
      'Which starts go first when several wait, by their service host: those with the higher number, whatever their age; 0 without an entry. An entry of callbacks.priority that fits comes first. Lower ones wait as long as higher ones do.',
  }),
  'service_hosts.isolation': setting({
    kind: kinds.mapOf(kinds.choice('process', 'shared', 'fresh')),
    default: {},
    example: '{ background_batch: fresh }',
    sentence:
      'Isolation of the processes of some service hosts; an entry of callbacks.isolation that fits comes first. Like those of time, memory, output and retry, not for processes of drupald itself (cron, jobs, queues).',
  }),
  'service_hosts.time': setting({
    kind: kinds.mapOf(kinds.duration),
    unit: 'ms',
    default: {},
    example: '{ interactive: 2 min }',
    sentence: 'How long the processes of some service hosts may run; an entry of callbacks.time that fits comes first.',
  }),
  'service_hosts.memory': setting({
    kind: kinds.mapOf(kinds.size),
    unit: 'bytes',
    default: {},
    example: '{ interactive: 256 MB }',
    sentence:
      'Memory that each process of some service hosts may use; an entry of callbacks.memory that fits comes first.',
  }),
  'service_hosts.output': setting({
    kind: kinds.mapOf(kinds.size),
    unit: 'bytes',
    default: {},
    example: '{ interactive: 1 MB }',
    sentence: 'What each process of some service hosts may print; an entry of callbacks.output that fits comes first.',
  }),
  'service_hosts.retry': setting({
    kind: kinds.mapOf(kinds.retryRule),
    default: {},
    example: '{ imports: { attempts: 3, pause: 30 s, on: [signalled, lost] } }',
    sentence:
      'Processes of some service hosts that are begun again after a bad end; an entry of callbacks.retry that fits comes first. Only for hosts whose processes may all run twice.',
  }),
  'callbacks.slots': setting({
    kind: kinds.mapOf(kinds.integer(1, 10_000)),
    default: {},
    example: '{ "feeds_*": 2 }',
    sentence:
      'Number of processes that run at the same time, by their callback; * stands for anything, the first pattern that fits counts. Processes of drupald itself (cron, jobs, queues) go by their handle, too.',
  }),
  'callbacks.time': setting({
    kind: kinds.mapOf(kinds.duration),
    unit: 'ms',
    default: {},
    example: '{ "feeds_*": 30 min }',
    sentence:
      'How long processes may run, waiting included, by their callback; * stands for anything, the first pattern that fits counts. Processes of drupald itself (cron, jobs, queues) go by their handle, too. One that runs longer is ended.',
  }),
  'callbacks.memory': setting({
    kind: kinds.mapOf(kinds.size),
    unit: 'bytes',
    default: {},
    example: '{ "*": 1 GB }',
    sentence:
      'Memory that processes may use with all that they start, by their callback. What they share with others counts in part. One that uses more is ended.',
  }),
  'callbacks.output': setting({
    kind: kinds.mapOf(kinds.size),
    unit: 'bytes',
    default: {},
    example: '{ "*": 10 MB }',
    sentence:
      'What processes may print with all that they start, by their callback. One that prints more is ended; without an entry only its log is cut (output.max).',
  }),
  'callbacks.retry': setting({
    kind: kinds.mapOf(kinds.retryRule),
    default: {},
    example: '{ "import_*": { attempts: 3, pause: 30 s, on: [signalled, threw] } }',
    sentence:
      'Processes that are begun again after a bad end, by their callback; without an entry none is. attempts counts the first one, each pause is twice as long as the one before. Only for callbacks that may run twice.',
  }),
  'callbacks.isolation': setting({
    kind: kinds.mapOf(kinds.choice('process', 'shared', 'fresh')),
    default: {},
    example: '{ "mymodule_index_*": shared }',
    sentence:
      'Isolation of some callbacks; * stands for anything, the first pattern that fits counts. Without effect where isolation is cold.',
  }),
} as const;
