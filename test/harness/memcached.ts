import { existsSync } from 'node:fs';
import { testAccount } from './account.js';
import { SocketServer } from './socket-server.js';

const program = '/usr/bin/memcached';

/** Whether this machine has memcached. */
export function hasMemcached(): boolean {
  return existsSync(program);
}

/** A private memcached, as the account of the sites. */
export function startMemcached(within: string): Promise<SocketServer> {
  return SocketServer.start({
    name: 'memcached',
    file: program,
    within,
    account: testAccount(),
    asAccount: true,
    args: (_folder, socket) => ['-s', socket, '-m', '64', '-U', '0'],
  });
}
