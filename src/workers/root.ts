import { fail } from '../errors.js';
import { Forker, reportTimeout } from './forker.js';
import { startError, startPhp, type PhpOptions } from './php-command.js';
import type { WorkerSocket } from './worker-socket.js';

/** A PHP process that has booted nothing and only forks (design decision 1). */
export interface Root {
  readonly forker: Forker;
  /** Whether this PHP can fork at all. */
  readonly canFork: boolean;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<void>;
}

/**
 * Starts a root and waits until it has reported.
 *
 * @throws DrupaldError PHP_NOT_FOUND, PHP_UNUSABLE or WORKER_START_TIMEOUT.
 */
export async function startRoot(socket: WorkerSocket, options: PhpOptions): Promise<Root> {
  const expectation = socket.expect();
  const php = startPhp(options, {
    mode: 'root',
    socket: socket.path,
    secret: expectation.secret,
    title: options.root,
  });
  const timer = setTimeout(() => {
    php.kill('SIGKILL');
    expectation.cancel(fail('WORKER_START_TIMEOUT', { uri: options.root, limit: `${reportTimeout / 1000} s` }));
  }, reportTimeout);
  try {
    const early = php.exited.then((exit) => {
      throw startError(options, exit);
    });
    early.catch(() => undefined);
    const connection = await Promise.race([expectation.connected, early]);
    const forker = new Forker(socket, connection, { php: options.php, folder: options.root });
    return {
      forker,
      canFork: connection.hello.fork ?? false,
      exited: php.exited.then(() => forker.orphan()),
    };
  } catch (error) {
    expectation.cancel(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
