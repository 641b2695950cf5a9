import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { phpFixture } from './paths.js';
import { ended } from './program.js';
import { waitFor } from './wait.js';

/** A Unix socket for datagrams, as a service manager has one. */
export class Datagrams {
  /** What has arrived, without the barriers of systemd-notify. */
  readonly received: string[] = [];
  readonly #child: ChildProcess;
  #bound = false;

  private constructor(address: string) {
    this.#child = spawn('php', [fileURLToPath(phpFixture('datagrams.php')), address], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.#child;
    if (stdout) {
      createInterface({ input: stdout }).on('line', (line) => {
        const text = JSON.parse(line) as string;
        if (!this.#bound) {
          this.#bound = true;
        } else if (text !== 'BARRIER=1') {
          this.received.push(text);
        }
      });
    }
  }

  /** @param address path, or a name behind "@" */
  static async open(address: string): Promise<Datagrams> {
    const datagrams = new Datagrams(address);
    await waitFor(() => datagrams.#bound, { what: `a socket at ${address}` });
    return datagrams;
  }

  /** Waits for a message that holds this line. */
  async saying(line: string | RegExp): Promise<string> {
    const fits = (one: string): boolean => (typeof line === 'string' ? one === line : line.test(one));
    return waitFor(() => this.received.find((message) => message.split('\n').some(fits)), {
      what: `the message ${String(line)}`,
      seen: () => this.received,
    });
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }
}
