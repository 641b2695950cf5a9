import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unprivilegedAccount } from './account.js';
import { parseEvent, type DaemonEvent } from './daemon-events.js';
import type { PrivateFolder } from './private-folder.js';
import { Service } from './service.js';
import type { DemoSite } from './site.js';

/** The command line's program. */
export const commandLine = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** Where the demo's daemon keeps its state. */
export function stateDirOf(folder: PrivateFolder): string {
  return join(folder.path, 'state');
}

/** Where the demo's daemon writes its log. */
export function logOf(folder: PrivateFolder): string {
  return join(folder.path, 'daemon.log');
}

/** Starts the daemon for the demo's site and waits until it is ready. @throws Error with its last words */
export async function startDaemon(
  folder: PrivateFolder,
  site: DemoSite,
  port: number,
  onEvent: (event: DaemonEvent) => void,
): Promise<Service> {
  const account = unprivilegedAccount();
  let ready: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const service = await Service.start(folder, {
    name: 'drupald',
    file: process.execPath,
    args: [
      ...[commandLine, 'serve'],
      ...['--root', site.root, '--uri', site.uri],
      ...['--listen', `127.0.0.1:${port}`, '--state-dir', stateDirOf(folder), '--slots', '4', '--grace', '1s'],
      ...['--log-format', 'json', '--log-level', 'debug'],
      ...(account.switched ? ['--user', account.name] : []),
    ],
    env: withoutSettings(process.env),
    log: logOf(folder),
    onLine: (line) => {
      const event = parseEvent(line);
      if (event === undefined) return;
      // Roots and workers live in sessions of their own; a later demo must find them, too.
      if (event.pid !== undefined && /^(root\.started|worker\.started|run\.dispatched)$/.test(event.event)) {
        void folder.note(event.pid);
      }
      if (event.event === 'daemon.ready') ready();
      onEvent(event);
    },
  });
  await Promise.race([
    isReady,
    service.ended.then((sentence) => {
      throw new Error(sentence);
    }),
  ]);
  return service;
}

/** Settings of another daemon in the caller's environment are not for this one. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DRUPALD_')));
}
