import { chmod, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';
import { endFamilies, endProcess } from './end-processes.js';

const LEDGER = 'demo.json';

/** Milliseconds that a process of a dead demo gets to end by itself. */
const PATIENCE_MS = 10_000;

/** Processes in the ledger from which on the dead ones are left out. */
const MAX_NOTED = 500;

const identitySchema = z.object({ pid: z.number().int().positive(), startTicks: z.string().optional() });

const ledgerSchema = z.object({
  /** The machine's current start: process ids of an earlier one mean nothing. */
  boot: z.string(),
  holder: identitySchema,
  /** Processes without which the holder has no user any more: the npm that started it. */
  guardians: z.array(identitySchema),
  /** What the holder has started, in that order. */
  started: z.array(identitySchema),
});

type Ledger = z.infer<typeof ledgerSchema>;

/** Another demo of the same user runs. */
export class DemoRunning extends Error {}

/**
 * The folder of one demo, which is its lock as well: there is one for each user, made in one step together
 * with the ledger of everything that the demo starts, so that whoever finds it can tidy up after a dead one.
 */
export class PrivateFolder {
  readonly path: string;
  readonly guardians: readonly ProcessIdentity[];
  readonly #ledger: Ledger;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, ledger: Ledger) {
    this.path = path;
    this.#ledger = ledger;
    this.guardians = ledger.guardians.map(known);
  }

  /**
   * Takes the folder; what a dead demo left there is ended and removed first.
   *
   * @param parent folder below which it is made
   * @throws DemoRunning when another demo of this user lives
   */
  static async claim(parent: string, guardians: readonly ProcessIdentity[]): Promise<PrivateFolder> {
    const path = join(parent, `drupald-demo-${process.getuid?.() ?? 0}`);
    const holder = await identify(process.pid);
    if (holder === undefined) throw new Error('This machine has no /proc; the demo needs it.');
    const ledger: Ledger = { boot: await bootId(), holder, guardians: [...guardians], started: [] };
    const fresh = await mkdtemp(`${path}-`);
    try {
      // Other accounts may pass through, not look.
      await chmod(fresh, 0o711);
      await writeFile(join(fresh, LEDGER), JSON.stringify(ledger), { mode: 0o600 });
      for (;;) {
        if (await moveTo(fresh, path)) return new PrivateFolder(path, ledger);
        await removeDead(path);
      }
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      throw error;
    }
  }

  /** Makes a folder in it for the given owner alone. */
  async room(name: string): Promise<string> {
    const path = join(this.path, name);
    await mkdir(path, { mode: 0o700 });
    return path;
  }

  /** Writes a started process into the ledger, before anything else is done with it. */
  async note(pid: number): Promise<void> {
    const one = await identify(pid);
    if (one === undefined) return;
    const { started } = this.#ledger;
    started.push(one);
    if (started.length > MAX_NOTED) {
      const alive = await Promise.all(started.map((other) => isAlive(known(other))));
      this.#ledger.started = started.filter((_other, index) => alive[index]);
    }
    await this.#write();
  }

  /** Ends one of the started processes by its id and waits for its end. */
  async end(pid: number): Promise<void> {
    const one = this.#ledger.started.find((started) => started.pid === pid);
    if (one !== undefined) await endProcess(known(one), PATIENCE_MS);
  }

  /** Ends everything that was started, waits for its end, and removes the folder. */
  async close(): Promise<void> {
    await this.#writing;
    await endFamilies(this.#ledger.started.map(known), PATIENCE_MS);
    // A set-up program of a moment ago may still be writing.
    await rm(this.path, { recursive: true, force: true, maxRetries: 20 });
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const file = join(this.path, LEDGER);
      await writeFile(`${file}.new`, JSON.stringify(this.#ledger), { mode: 0o600 });
      await rename(`${file}.new`, file);
    });
    return this.#writing;
  }
}

/** Removes what a dead demo left. @throws DemoRunning when it is not dead */
async function removeDead(path: string): Promise<void> {
  const owner = await lstat(path).catch(() => undefined);
  if (owner === undefined) return;
  if (owner.uid !== process.getuid?.() || !owner.isDirectory()) {
    throw new Error(`${path} belongs to somebody else; name another folder with DRUPALD_DEMO_FOLDER.`);
  }
  const ledger = await readLedger(path);
  if (ledger?.boot === (await bootId())) {
    const holder = known(ledger.holder);
    if (await isAlive(holder)) {
      const guarded = await Promise.all(ledger.guardians.map((one) => isAlive(known(one))));
      if (guarded.every(Boolean)) {
        throw new DemoRunning(
          `The demo runs already (process ${holder.pid}); end it with Ctrl-C or "kill ${holder.pid}".`,
        );
      }
      // Its terminal or npm was killed: it is about to end by itself.
      await endProcess(holder, 2 * PATIENCE_MS);
    }
    const left = await readLedger(path);
    await endFamilies((left?.started ?? []).map(known), PATIENCE_MS);
  }
  // Out of the way in one step: two that come at the same time must not remove each other's folder.
  const away = `${path}.dead-${process.pid}`;
  try {
    await rename(path, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readLedger(away);
  if (moved !== undefined && !same(moved.holder, ledger?.holder)) {
    await rename(away, path);
    return;
  }
  await rm(away, { recursive: true, force: true, maxRetries: 20 });
}

function same(one: Ledger['holder'], other: Ledger['holder'] | undefined): boolean {
  return one.pid === other?.pid && one.startTicks === other.startTicks;
}

async function readLedger(path: string): Promise<Ledger | undefined> {
  try {
    return ledgerSchema.parse(JSON.parse(await readFile(join(path, LEDGER), 'utf8')));
  } catch {
    return undefined;
  }
}

async function moveTo(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return false;
    }
    throw error;
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

function known({ pid, startTicks }: z.infer<typeof identitySchema>): ProcessIdentity {
  return { pid, startTicks };
}
