import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity } from '../../src/process/identity.js';
import { projectFolder } from '../harness/paths.js';
import { ended, mustRun } from '../harness/program.js';
import { waitFor } from '../harness/wait.js';

const SCRIPT =
  'const [top, ...flags] = process.argv.slice(1);' +
  "const { runDemo } = await import(top + '/dist/demo/demo.js');" +
  "process.exitCode = await runDemo({ project: top, once: flags.includes('--once') });";

/** A place for demos of their own: a parent folder that is not the usual one, and copies of the repository. */
export class Stage {
  /** Below it the demos make their private folders. */
  readonly parent: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.parent = join(folder, 'private');
  }

  static async open(): Promise<Stage> {
    if (!existsSync(join(projectFolder(), 'dist/demo/demo.js'))) {
      throw new Error('dist/demo/demo.js is missing: run `npm run build` first.');
    }
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'drupald-stage-')));
    await chmod(stage.#folder, 0o755);
    await mkdir(stage.parent);
    await chmod(stage.parent, 0o1777);
    return stage;
  }

  /** A copy of what a clone holds after set-up and build, readable for everybody below its top. */
  async clone(): Promise<string> {
    const top = join(this.#folder, 'clone');
    await mkdir(top);
    const parts = ['dist', 'demo', 'php-shim', 'package.json', ...(await shippedPackages())];
    await mustRun('cp', ['-r', '--parents', ...parts, top], { cwd: projectFolder() });
    await mustRun('chmod', ['-R', 'a+rX', top]);
    return top;
  }

  /** What the demos have left in the parent folder. */
  async left(): Promise<string[]> {
    return readdir(this.parent);
  }

  /** Every process that the current demo of a user has started, from its own ledger. */
  async started(uid: number): Promise<ProcessIdentity[]> {
    const text = await readFile(join(this.parent, `drupald-demo-${uid}`, 'demo.json'), 'utf8');
    return (JSON.parse(text) as { started: ProcessIdentity[] }).started;
  }

  /** Command lines of processes that name a folder of this stage. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map((name) => {
        try {
          return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ');
        } catch {
          return '';
        }
      })
      .filter((line) => line.includes(this.parent));
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Folders of the packages that are not for development only. */
async function shippedPackages(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(projectFolder(), 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(join(projectFolder(), path)))
    .map(([path]) => path);
}

/** A demo under test. */
export class DemoRun {
  output = '';
  readonly #child: ChildProcess;

  /** @param wrap program and arguments put before node, for instance one that changes the user */
  constructor(stage: Stage, top: string, flags: readonly string[], wrap: readonly string[] = [], env = {}) {
    const words = [...wrap, process.execPath, '--input-type=module', '-e', SCRIPT, top, ...flags];
    this.#child = spawn(words[0]!, words.slice(1), {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      // A bare environment: no home and no folders of servers in PATH.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', DRUPALD_DEMO_FOLDER: stage.parent, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    }
  }

  /** Waits until the demo has said something. */
  async says(text: string): Promise<void> {
    await waitFor(
      () => {
        if (!this.output.includes(text) && this.#child.exitCode !== null) {
          throw new Error(`The demo ended (${this.#child.exitCode}) before it said "${text}":\n${this.output}`);
        }
        return this.output.includes(text);
      },
      { what: `the demo to say "${text}"`, limitMs: 90_000, seen: () => this.output },
    );
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for the end; the exit code. */
  async ended(): Promise<number | null> {
    await ended(this.#child);
    return this.#child.exitCode;
  }
}

/** Those of the processes that live. */
export async function living(processes: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const alive = await Promise.all(processes.map(isAlive));
  return processes.filter((_one, index) => alive[index]);
}
