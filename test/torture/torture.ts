import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { giveTo } from '../harness/account.js';
import { Daemon, type DaemonOptions, newStateDir } from '../harness/daemon.js';
import { isDead } from '../harness/leftovers.js';
import { freePort, MariaDb } from '../harness/mariadb.js';
import { realDrupal } from '../harness/paths.js';
import { installReal } from '../harness/real-site.js';
import type { Site, SiteKind } from '../harness/site.js';
import { installStandIn } from '../harness/stand-in.js';
import { copySite } from '../harness/template.js';
import { temporaryFolder } from '../harness/up-site.js';
import { waitFor } from '../harness/wait.js';
import { openInLedger, readEvidence } from './evidence.js';
import { account, type Facts, settleTimes } from './oracle.js';
import { makePlan, type PlanOptions, type Step } from './plan.js';
import type { Outcome } from './report.js';
import { remaining, RowClock } from './rows.js';
import { start, type Started } from './starts.js';
import { Violence } from './violence.js';

/** What is to be tortured, and how long. */
export interface TortureOptions extends PlanOptions {
  readonly kind: SiteKind;
  readonly slots?: number;
  /** Milliseconds that everything may take to come to rest behind the plan. */
  readonly patience?: number;
  readonly tell?: (line: string) => void;
}

/** Runs a plan on a site, a server and a daemon of its own and accounts for every process. Leaves nothing behind. */
export async function torture(options: TortureOptions): Promise<Outcome> {
  const folder = await temporaryFolder('torture');
  const server = await MariaDb.start(join(folder, 'mariadb'), { durable: true });
  let violence: Violence | undefined;
  let site: Awaited<ReturnType<typeof copySite>> | undefined;
  try {
    const source = realDrupal();
    if (options.kind === 'real' && source === undefined) {
      throw new Error('No real Drupal 7 here: name one with --root.');
    }
    const template =
      options.kind === 'real' && source !== undefined
        ? await installReal(source, server, folder)
        : await installStandIn(server, folder);
    site = await copySite(template, server, folder, {});
    const evidence = join(folder, 'evidence');
    await mkdir(evidence);
    await chmod(evidence, 0o777);
    await giveTo(site.account, evidence);
    const port = await freePort();
    await site.configure({ conf: { drupald_fixture_evidence: evidence, file_temporary_path: '/tmp', ...hosts(port) } });
    const daemonOptions: DaemonOptions = {
      sites: [{ root: site.root, uris: site.uris }],
      folder,
      port,
      slots: options.slots ?? 6,
      stateDir: await newStateDir(folder),
    };
    const daemon = await Daemon.start(daemonOptions);
    violence = new Violence(daemon, daemonOptions, server, site.root);
    return await perform(options, site, violence, evidence);
  } finally {
    await violence?.settled().catch(() => undefined);
    await violence?.daemon.stop();
    for (const { pid } of violence?.processes.all() ?? []) {
      if (!isDead(pid)) {
        process.kill(pid, 'SIGKILL');
      }
    }
    await site?.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function hosts(port: number): Record<string, unknown> {
  return {
    background_process_service_hosts: { default: { base_url: `http://127.0.0.1:${port}`, http_host: 'site.test' } },
  };
}

async function perform(options: TortureOptions, site: Site, violence: Violence, evidence: string): Promise<Outcome> {
  const began = Date.now();
  const { port, stateDir } = violence.daemon;
  const warmUp = Array.from({ length: 12 }, (_, index): Step => ({
    type: 'start',
    at: 0,
    handle: `warm-${index}`,
    ending: { how: 'return' },
    sendings: ['whole'],
    delay: 0,
  }));
  const started = await play(warmUp, site, port, violence);
  await rest(options, site, violence, stateDir);
  const before = violence.descriptors();
  const clock = new RowClock(site);
  started.push(...(await play(makePlan(options), site, port, violence)));
  options.tell?.(`The plan is done after ${((Date.now() - began) / 1000).toFixed(0)} s; waiting for rest.`);
  await violence.settled();
  await rest(options, site, violence, stateDir);
  await clock.stop();
  const { rows, unasked } = await remaining(site);
  const ledger = await readFile(join(stateDir, 'ledger.jsonl'), 'utf8');
  const names = async (sql: string): Promise<string[]> =>
    (await site.sql<{ name: string }>(sql)).map(({ name }) => name);
  const facts: Facts = {
    started,
    evidence: await readEvidence(evidence),
    unfinished: new Set([...rows.map(({ handle }) => handle), ...openInLedger(ledger)]),
    openProgress: await names('SELECT name FROM {progress} WHERE end_stamp = 0'),
    killed: violence.killed,
    lines: violence.lines,
    calm: (from, to) => violence.calm(from, to),
  };
  return {
    ...account(facts),
    seed: options.seed,
    kind: options.kind,
    seconds: (Date.now() - began) / 1000,
    facts,
    times: settleTimes(facts, clock.gone),
    missed: violence.missed,
    unasked: unasked.length,
    locks: await names("SELECT name FROM {semaphore} WHERE name LIKE 'drupald%'"),
    left: strangers(violence),
    descriptors: [before, violence.descriptors()],
    ledger,
  };
}

/** Does each step at its time, or as soon after it as the machine allows. */
async function play(steps: readonly Step[], site: Site, port: number, violence: Violence): Promise<Started[]> {
  const began = performance.now();
  const starts: Promise<Started[]>[] = [];
  for (const step of steps) {
    await pause(Math.max(0, step.at - (performance.now() - began)));
    if (step.type === 'start') {
      starts.push(start(site, port, step));
    } else {
      violence.strike(step);
    }
  }
  return (await Promise.all(starts)).flat();
}

/** Waits until nothing is left to do. What is still there after that time is stuck, and accounted for. */
async function rest(options: TortureOptions, site: Site, violence: Violence, stateDir: string): Promise<void> {
  await waitFor(
    async () => {
      const { rows } = await remaining(site);
      const ledger = await readFile(join(stateDir, 'ledger.jsonl'), 'utf8');
      return rows.length === 0 && openInLedger(ledger).length === 0 && strangers(violence).length === 0;
    },
    { what: 'everything to come to rest', limitMs: options.patience ?? 60_000 },
  ).catch(() => undefined);
}

/** Processes that a daemon at rest does not have: runs and helpers, and what an earlier daemon has left. */
function strangers(violence: Violence): string[] {
  const { pid } = violence.daemon;
  const own = new Set(violence.processes.below(pid));
  return violence.processes
    .all(pid)
    .filter((found) => found.role === 'worker' || found.role === 'other' || !own.has(found.pid))
    .map((found) => `${found.pid} ${found.title}`);
}
