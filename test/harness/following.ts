import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from './paths.js';
import { ended } from './program.js';
import { waitFor } from './wait.js';

/** A command that goes on until what it looks at ends, as `drupald logs -f`. */
export class Following {
  readonly #child: ChildProcess;
  out = '';
  err = '';

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [join(projectFolder(), 'dist/cli/main.js'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString('utf8')));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString('utf8')));
  }

  /** Waits until it has printed this on standard output. */
  async printed(text: string): Promise<void> {
    await waitFor(() => this.out.includes(text), {
      what: `"${text}"`,
      seen: () => ({ out: this.out, err: this.err, code: this.#child.exitCode }),
    });
  }

  /** Waits until it has said this on standard error. */
  async said(text: string): Promise<void> {
    await waitFor(() => this.err.includes(text), { what: `"${text}"`, seen: () => ({ out: this.out, err: this.err }) });
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Waits for its end; its exit code. */
  async ended(): Promise<number | null> {
    await ended(this.#child);
    return this.#child.exitCode;
  }
}
