import { backlogSettings } from './backlog-schema.js';
import * as kinds from './kinds.js';
import { processSettings } from './process-schema.js';
import { setting, type ValueOf } from './setting.js';

/** Settings of the daemon by key path. `sites` and `schedule` stand beside them. */
export const settings = {
  listen: setting({
    kind: kinds.listenAddress,
    default: '127.0.0.1:8970',
    example: '127.0.0.1:8970 or [::1]:8970',
    sentence: 'Address and port on which start requests are taken.',
  }),
  user: setting({
    kind: kinds.text,
    defaultText: 'the user who starts drupald; needed when that is root',
    example: 'www-data',
    sentence: 'User that the code of the sites runs as: the user of the web server.',
  }),
  state_dir: setting({
    kind: kinds.path,
    defaultText:
      '/var/lib/drupald/HOST-PORT as root, else $XDG_STATE_HOME or ~/.local/state, and there drupald/HOST-PORT',
    example: '/var/lib/drupald/main',
    sentence: 'Folder for sockets, the control token and what must survive a restart.',
  }),
  php: setting({
    kind: kinds.phpProgram,
    default: 'php',
    example: '/usr/bin/php8.2',
    sentence: 'PHP program for sites that name none of their own; a version such as "8.2" means the program php8.2.',
  }),
  slots: setting({
    kind: kinds.integerOrAuto(1, 10_000),
    default: 'auto',
    example: '8',
    sentence:
      'Number of processes that run at the same time. auto: from twice the number of cores (at least 4) up to 64, as long as the machine is calm, and never more than a third of the database connections that a site may have.',
  }),
  ...processSettings,
  'backlog.max': setting({
    kind: kinds.integer(0, 10_000_000),
    default: 100_000,
    example: '100000',
    sentence: 'Number of starts that may wait for a slot; more are answered with 503 and left alone.',
  }),
  ...backlogSettings,
  grace: setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '30 s',
    example: '30 s',
    sentence: 'How long running processes may go on when the daemon stops.',
  }),
  'set_aside.after': setting({
    kind: kinds.integer(0, 1_000),
    default: 3,
    example: '3',
    sentence:
      'Crashes of a process (by a signal, a fatal error or memory) after which it is not started again until "drupald retry"; 0: never.',
  }),
  'set_aside.within': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '10 min',
    example: '10 min',
    sentence: 'Time within which these crashes count.',
  }),
  'kill.grace': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '5 s',
    example: '5 s',
    sentence: 'How long a process that is to end may take after SIGTERM, before SIGKILL.',
  }),
  'kill.on_unlock': setting({
    kind: kinds.choice('stop', 'continue'),
    default: 'stop',
    example: 'continue',
    sentence:
      'What becomes of a running process whose row somebody unlocks in Drupal. stop: it is ended; continue: it goes on, and may run beside the next one of its handle.',
  }),
  'queues.slots': setting({
    kind: kinds.mapOf(kinds.integer(0, 1_000)),
    default: {},
    example: '{ "feeds_*": 2, my_exports: 0 }',
    sentence:
      'Workers that work off one queue at the same time, by its name; * stands for anything, the first pattern that fits counts. 0: the queue is left to the site. Without an entry 4 for the queues of Background Process, else 1. A queue that cron has to skip needs an entry of its very name.',
  }),
  'queues.attempts': setting({
    kind: kinds.integer(1, 1_000),
    default: 5,
    example: '5',
    sentence: 'Failures of an item of a queue after which it is set aside until "drupald queue retry".',
  }),
  'queues.pause': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '5 s',
    example: '5 s',
    sentence: 'Pause of an item after its first failure; each further one is five times as long, an hour at most.',
  }),
  'queues.lease': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '1 min',
    example: '1 min',
    sentence: 'How long an item is claimed at a time; while it runs, this is renewed.',
  }),
  'cron.isolate': setting({
    kind: kinds.flag,
    default: 'false',
    example: 'true',
    sentence:
      'Whether each hook_cron() of a site without Ultimate Cron runs in a process of its own, one after another, with its own limits, log and place in the history.',
  }),
  'batch.save': setting({
    kind: kinds.durationOr(100, 'each'),
    unit: 'ms',
    default: '1 s',
    example: 'each',
    sentence:
      'How long operations of a batch go on before they and their results are saved together; what is not saved runs again when its process dies. each: every operation is saved at once, which is slower.',
  }),
  'batch.on_failure': setting({
    kind: kinds.choice('retry', 'skip', 'stop'),
    default: 'retry',
    example: 'skip',
    sentence:
      'What becomes of a batch when an operation fails, in whatever way. retry: it is tried again (batch.retries), then the batch is stopped; skip: it is left out, and the starter is told; stop: the batch ends, and its callbacks are told that it did not succeed.',
  }),
  'batch.retries': setting({
    kind: kinds.integer(0, 1_000),
    default: 2,
    example: '2',
    sentence: 'How often an operation of a batch that fails is tried again (batch.on_failure: retry).',
  }),
  'batch.finish_after': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '30 s',
    example: '30 s',
    sentence:
      'How long a batch that is done waits for a page that asks for its end; then its callbacks are run here, once, and their messages wait for whoever comes back.',
  }),
  'batch.adopt_core': setting({
    kind: kinds.flag,
    default: 'false',
    example: 'true',
    sentence:
      'Whether batches of sites without the module background_batch, which their browser drives, are carried on here when that browser went away. Read before what it asks of a site (docs/batches.md).',
  }),
  'batch.adopt_after': setting({
    kind: kinds.durationFrom(1_000),
    unit: 'ms',
    default: '60 s',
    example: '5 min',
    sentence:
      'How long nothing of such a batch must have changed before it is carried on here. It must be longer than the site may work on one operation without asking its database anything.',
  }),
  isolation: setting({
    kind: kinds.choice('process', 'shared', 'fresh', 'cold'),
    default: 'process',
    example: 'fresh',
    sentence:
      'process: each process gets a fork of its own, in which the site is loaded already; fresh: one that loads the site for itself; shared: a worker runs many, one after another (read what may leak before); cold: a PHP program of its own (for PHP without pcntl).',
  }),
  'zygote.max_age': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '1 s',
    example: '1 s',
    sentence:
      'How long a loaded site may be used for new processes (isolation process); at least 20 times what it took to load. REQUEST_TIME of a process is up to this much older than its start.',
  }),
  'zygote.spares': setting({
    kind: kinds.integer(0, 1_000),
    default: 16,
    example: '16',
    sentence: 'Most workers of one site address that are made ahead of their processes (isolation process).',
  }),
  'shared.max_runs': setting({
    kind: kinds.integer(1, 1_000_000),
    default: 500,
    example: '500',
    sentence: 'Processes after which a worker is replaced (isolation shared).',
  }),
  'shared.max_age': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '1 min',
    example: '1 min',
    sentence: 'Age after which a worker is replaced (isolation shared). REQUEST_TIME is up to this much too old.',
  }),
  'shared.max_memory': setting({
    kind: kinds.size,
    unit: 'bytes',
    default: '64 MB',
    example: '64 MB',
    sentence: 'Memory of PHP between two processes above which a worker is replaced (isolation shared).',
  }),
  'shared.idle': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '10 s',
    example: '10 s',
    sentence: 'Time without a process after which a worker goes (isolation shared).',
  }),
  'output.max': setting({
    kind: kinds.size,
    unit: 'bytes',
    default: '1 MB',
    example: '1 MB',
    sentence: 'What one process may print into its log before the rest is cut off.',
  }),
  'output.keep': setting({
    kind: kinds.integer(0, 1_000_000),
    default: 1000,
    example: '1000',
    sentence: 'How many logs of ended processes are kept; the oldest are removed first.',
  }),
  'history.max_age': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '30 d',
    example: '30 d',
    sentence: 'How long past runs are kept in the history; older ones are removed.',
  }),
  'history.max_count': setting({
    kind: kinds.integer(0, 10_000_000),
    default: 100_000,
    example: '100000',
    sentence: 'How many past runs of a site are kept in the history; the oldest are removed first. 0: none are kept.',
  }),
  trusted_proxies: setting({
    kind: kinds.networks,
    default: ['127.0.0.0/8', '::1'],
    example: '[10.0.0.0/8, 192.168.1.4]',
    sentence: 'Peers whose X-Forwarded headers, Accept-Language and User-Agent reach the process.',
  }),
  'pool.take_over': setting({
    kind: kinds.durationOr(1_000, 'off'),
    unit: 'ms',
    default: '5 s',
    example: '5 s',
    sentence:
      'How long a start of another service host of the same group, or of pool.take_over_from, may lie untaken, or wait at a drupald that gives no sign of life, until it is run here. off: never.',
  }),
  'pool.share_after': setting({
    kind: kinds.durationOr(100, 'off'),
    unit: 'ms',
    default: 'off',
    example: '1 s',
    sentence:
      'How long a start may wait at a drupald of the same group whose slots are all taken, until it is run here, where slots are free. off: it waits for those that it was sent to. Only where pool.take_over is not off.',
  }),
  'pool.take_over_from': setting({
    kind: kinds.textList,
    default: [],
    example: '[www1, www2]',
    sentence:
      'Names of further service hosts whose starts are run here when nobody takes them; those in a service group with one that is served here need not be named.',
  }),
  'requests.max': setting({
    kind: kinds.integer(0, 10_000),
    default: 100,
    example: '20',
    sentence:
      'Number of requests handed over with drupald_http_start() that are under way at the same time, over all sites; further ones wait in their queue. 0: none are made here.',
  }),
  'requests.per_host': setting({
    kind: kinds.integer(1, 1_000),
    default: 6,
    example: '2',
    sentence:
      'Connections to one host for such requests; those that find none wait for one, and their time runs meanwhile.',
  }),
  'requests.body_max': setting({
    kind: kinds.size,
    unit: 'bytes',
    default: '1 MB',
    example: '4 MB',
    sentence:
      'Size of the body of such a request that goes to no file, but through the database of the site; a larger one is no answer. One and a half times of it must fit into the max_allowed_packet of the database server.',
  }),
  'server_status.allow': setting({
    kind: kinds.networks,
    default: [],
    example: '[10.0.0.0/8, 192.168.1.4]',
    sentence:
      'Addresses besides this machine and trusted_proxies that may read /server-status: the web servers of the sites, where they are on other machines.',
  }),
  lookup_wait: setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '2 s',
    example: '2 s',
    sentence: 'How long a start is held when its row is not there yet, before it is answered with 404.',
  }),
  'waiters.max': setting({
    kind: kinds.integer(0, 100_000),
    default: 256,
    example: '256',
    sentence: 'Number of starts that may wait for their row at the same time; more are answered at once.',
  }),
  'worker.boot_timeout': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '30 s',
    example: '30 s',
    sentence: 'How long a PHP worker may need until Drupal is up.',
  }),
  'worker.settle_timeout': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '30 s',
    example: '30 s',
    sentence: 'How long a worker may need to call the hooks of a process that died.',
  }),
  'mod_status.mode': setting({
    kind: kinds.choice('unlock', 'report', 'off'),
    default: 'unlock',
    example: 'report',
    sentence:
      'What to do about processes that other service hosts run under Apache, when their server-status page (service host NAME_ass) shows twice that they are gone. unlock: have the module unlock them; report: only log it; off: do not look.',
  }),
  'mod_status.interval': setting({
    kind: kinds.duration,
    unit: 'ms',
    default: '10 s',
    example: '10 s',
    sentence: 'Time between two looks at server-status pages; there is none while no such process runs.',
  }),
  'log.level': setting({
    kind: kinds.choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    example: 'debug',
    sentence: 'Least weight of a line that is logged.',
  }),
  'log.format': setting({
    kind: kinds.choice('auto', 'pretty', 'json'),
    default: 'auto',
    example: 'json',
    sentence: 'pretty: lines for people; json: one object a line; auto: pretty on a terminal, else json.',
  }),
} as const;

/** Key path of a setting of the daemon. */
export type SettingKey = keyof typeof settings;

/** Checked values of the daemon's settings; those without default may be missing. */
export type SettingValues = {
  -readonly [K in SettingKey]:
    ValueOf<(typeof settings)[K]> | (K extends 'user' | 'state_dir' | 'backlog.redis' ? undefined : never);
};
