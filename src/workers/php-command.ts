import { accessSync, closeSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { execa } from 'execa';

import { fail } from '../errors.js';
import type { Account } from '../support/account.js';
import { insteadOfListener } from '../support/inherited-listener.js';
import { serverPath } from '../sites/request.js';

/** How to start PHP for one root folder of Drupal. */
export interface PhpOptions {
  /** PHP binary: a name in PATH or a path. */
  readonly php: string;
  /** Absolute path of the shim's folder. */
  readonly shim: string;
  /** The folder with Drupal's index.php. */
  readonly root: string;
  /** ini settings of the site, over ours. */
  readonly ini: Readonly<Record<string, string>>;
  /** Environment of the site's web server; nothing else is passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** User to become first; undefined: as we are. */
  readonly account?: Account | undefined;
}

/** What a PHP process needs to report to the daemon. */
export interface PhpStart {
  readonly mode: 'root' | 'worker';
  readonly socket: string;
  readonly secret: string;
  /** Shown in process lists. */
  readonly title: string;
}

/**
 * ini settings under which the site's code runs, before the site's own.
 *
 * Where a command line differs from a web server, the web server's value:
 * memory_limit is PHP's default there, while Debian's command line has none,
 * and code that computes with the limit (contract §13, background_batch) needs
 * one in megabytes. opcache looks at every file's time on every use, so that
 * changed code is seen by the next run.
 */
const baseIni: Readonly<Record<string, string>> = {
  memory_limit: '128M',
  display_errors: '0',
  log_errors: '1',
  error_log: '',
  implicit_flush: '0',
  // A trace with arguments would carry tokens into logs.
  'zend.exception_ignore_args': '1',
  auto_prepend_file: '',
  auto_append_file: '',
  'opcache.enable_cli': '1',
  'opcache.validate_timestamps': '1',
  'opcache.revalidate_freq': '0',
  'opcache.file_update_protection': '0',
  // Agents that watch a web server's PHP are of no use in a process that lives on and forks.
  'xdebug.mode': 'off',
  'xdebug.default_enable': '0',
  'xdebug.remote_enable': '0',
  'xdebug.profiler_enable': '0',
  'xdebug.auto_trace': '0',
  'newrelic.enabled': '0',
  'ddtrace.disable': '1',
  'elastic_apm.enabled': '0',
  'tideways.monitor_cli': '0',
};

/** Milliseconds that what a dead PHP has printed may take to arrive. */
const outputPatience = 50;

/** Absolute path of a program that our own PATH names; else the name, which then is not found. */
function resolveProgram(name: string): string {
  if (name.includes('/')) {
    return name;
  }
  const folders = [...(process.env.PATH ?? '').split(':'), ...serverPath.split(':')];
  return folders.map((folder) => join(folder || '.', name)).find(isExecutable) ?? name;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A started PHP and what it printed, which is nothing unless PHP itself complains. */
export interface PhpProcess {
  readonly pid: number | undefined;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<PhpExit>;
  kill(signal: NodeJS.Signals): void;
}

export interface PhpExit {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** First lines of what PHP printed, to explain a failed start. */
  readonly printed: string;
}

/**
 * What makes PHP see the time that libfaketime shows the daemon: both must agree on what is due.
 *
 * @param env environment of the daemon
 */
export function shownClock(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  if (!(env.LD_PRELOAD ?? '').includes('/libfaketime')) return {};
  const told = Object.entries(env).filter(([name]) => name === 'LD_PRELOAD' || name.startsWith('FAKETIME'));
  return Object.fromEntries(told.map(([name, value]) => [name, value ?? '']));
}

/**
 * Starts PHP with the shim.
 *
 * The script comes over standard input, so that the secret is in neither the
 * argument list nor the environment; see php-shim/drupald.php for the rest of
 * the reason.
 *
 * @throws DrupaldError PHP_NOT_FOUND when there is no such program.
 */
export function startPhp(options: PhpOptions, start: PhpStart): PhpProcess {
  const ini = { ...baseIni, ...options.ini };
  const settings = Buffer.from(JSON.stringify(start)).toString('base64');
  const shim = options.shim.replace(/[\\']/g, '\\$&');
  const script = `<?php $drupald = json_decode(base64_decode('${settings}'), TRUE); require '${shim}/drupald.php';`;
  const instead = insteadOfListener();
  const child = execa(
    resolveProgram(options.php),
    [...Object.entries(ini).flatMap(([name, value]) => ['-d', `${name}=${value}`]), '--', 'drupald', start.mode],
    {
      input: script,
      // Node takes a number here, which the types of execa leave out.
      ...(instead === undefined ? {} : { stdio: ['pipe', 'pipe', 'pipe', instead as unknown as 'ignore'] as const }),
      extendEnv: false,
      env: { PATH: serverPath, LANG: 'C', ...shownClock(process.env), ...options.env },
      cwd: '/',
      ...(options.account ? { uid: options.account.uid, gid: options.account.gid } : {}),
      // A session of its own: a terminal's Ctrl-C must not reach running work.
      detached: true,
      // Workers may outlive the daemon; the root ends by itself when the daemon is gone.
      cleanup: false,
      reject: false,
      stripFinalNewline: true,
      maxBuffer: 64 * 1024,
      all: true,
    },
  );
  if (instead !== undefined) {
    closeSync(instead);
  }
  const finished = child.then((result) => ({
    code: result.exitCode,
    signal: result.signal,
    printed: result.all.split('\n').slice(0, 5).join(' ').slice(0, 1000),
  }));
  // A worker that waits for a job holds the pipes of its root: their end is not the end of the process.
  const died = new Promise<PhpExit>((resolve) => {
    child.once('exit', (code, signal) => {
      const seen = { code: code ?? undefined, signal: signal ?? undefined, printed: '' };
      void pause(outputPatience, seen, { ref: false }).then(resolve);
    });
  });
  const exited = Promise.race([finished, died]);
  return { pid: child.pid, exited, kill: (signal) => void child.kill(signal) };
}

/** The error of a PHP that ended before it could report. */
export function startError(options: PhpOptions, exit: PhpExit): Error {
  if (exit.code === undefined && exit.signal === undefined) {
    return fail('PHP_NOT_FOUND', { php: options.php, root: options.root });
  }
  const how = exit.signal ?? `exit code ${String(exit.code)}`;
  return fail('PHP_UNUSABLE', { php: options.php, root: options.root, reason: exit.printed || `it ended with ${how}` });
}
