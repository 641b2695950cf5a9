import { existsSync } from 'node:fs';
import { testAccount } from './account.js';
import { SocketServer } from './socket-server.js';

const program = '/usr/bin/redis-server';

/** Whether this machine has Redis. */
export function hasRedis(): boolean {
  return existsSync(program);
}

/** A private Redis that keeps nothing on disk, as the account of the sites. */
export function startRedis(within: string): Promise<SocketServer> {
  return SocketServer.start({
    name: 'redis',
    file: program,
    within,
    account: testAccount(),
    asAccount: true,
    args: (folder, socket) => [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ],
  });
}
