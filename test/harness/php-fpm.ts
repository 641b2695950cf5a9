import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.js';
import { SocketServer } from './socket-server.js';

/** Path of the program, if this machine has it. */
export function phpFpm(): string | undefined {
  const name = readdirSync('/usr/sbin').find((entry) => /^php-fpm[\d.]*$/.test(entry));
  return name === undefined ? undefined : `/usr/sbin/${name}`;
}

/** A private PHP-FPM with one pool of the account. */
export function startPhpFpm(options: { readonly account: Account; readonly folder: string }): Promise<SocketServer> {
  const { account } = options;
  return SocketServer.start({
    name: 'php-fpm',
    file: phpFpm() ?? 'php-fpm',
    within: options.folder,
    account,
    asAccount: false,
    args: async (folder, socket) => {
      const file = join(folder, 'fpm.conf');
      await writeFile(file, configuration(account, folder, socket));
      return ['--nodaemonize', '--fpm-config', file];
    },
  });
}

function configuration(account: Account, folder: string, socket: string): string {
  const owner = account.switched
    ? [`user = ${account.name}`, `group = ${account.gid}`, `listen.owner = ${account.name}`]
    : [];
  return [
    '[global]',
    `error_log = ${folder}/error.log`,
    'daemonize = no',
    '[site]',
    ...owner,
    `listen = ${socket}`,
    'pm = static',
    'pm.max_children = 6',
    '',
  ].join('\n');
}
