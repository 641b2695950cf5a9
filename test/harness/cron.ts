import type { Bench } from './bench.js';
import { detail, events } from './fixture-log.js';
import { ask } from './history.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** What the fixture's hook_cron saw. */
export interface CronSight {
  readonly sapi: string;
  readonly script: string;
  readonly method: string;
  readonly path: string;
  readonly uid: number;
  /** REQUEST_TIME minus the time, in seconds. */
  readonly late: number;
  /** The variable cron_last minus REQUEST_TIME, in seconds. */
  readonly last: number;
  readonly saves: boolean;
}

/** Calls of the fixture's hook_cron, in order. */
export async function cronSights(site: Site): Promise<CronSight[]> {
  return (await events(site, 'cron', 'cron')).map((event) => detail(event) as CronSight);
}

/** One variable as the table has it, a number. */
export async function numberVariable(site: Site, name: string): Promise<number> {
  const rows = await site.sql<{ value: Buffer }>('SELECT value FROM {variable} WHERE name = ?', [name]);
  return Number(/^[sid]:(?:\d+:")?(-?\d+)/.exec(rows[0]?.value.toString() ?? '')?.[1] ?? NaN);
}

/** Makes cron due: as if it had run a day ago. */
export async function makeDue(site: Site): Promise<void> {
  await site.variable('cron_last', Math.floor(Date.now() / 1000) - 86_400);
}

/** Lets one page after another be asked for until told to stop; answers how many there were. */
export function visit(address: string): { readonly count: number; stop(): Promise<void> } {
  const visitor = { count: 0, going: true };
  const over = (async () => {
    while (visitor.going) {
      const response = await fetch(`${address}/user`, { headers: { host: 'site.test' } });
      await response.arrayBuffer();
      visitor.count += 1;
    }
  })();
  // Whoever does not come to stop it has failed for a reason of his own.
  over.catch(() => undefined);
  return {
    get count() {
      return visitor.count;
    },
    async stop() {
      visitor.going = false;
      await over;
    },
  };
}

/** Waits for a state of the site's cron as `drupald cron` tells it. */
export async function cronState(bench: Bench, state: string): Promise<Readonly<Record<string, unknown>>> {
  let seen = '';
  return waitFor(
    async () => {
      const result = await ask(bench, 'cron', '--json');
      seen = `${result.stdout}${result.stderr}`;
      const { jobs } = JSON.parse(result.stdout) as { jobs: Readonly<Record<string, unknown>>[] };
      return jobs.find((job) => job.state === state);
    },
    { what: `cron to be ${state}`, seen: () => seen },
  );
}
