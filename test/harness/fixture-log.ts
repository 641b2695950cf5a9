import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** One event that the fixture module wrote. */
export interface FixtureEvent {
  readonly id: number;
  /** Seconds since 1970. */
  readonly at: number;
  readonly pid: number;
  readonly handle: string;
  readonly what: string;
  readonly detail: string | null;
}

/** What hook_background_process_shutdown was given. */
export interface ShutdownEvent {
  readonly message: string | null;
  readonly callback: string | null;
  readonly uid: number | null;
}

/** Events of a handle in the order in which they were written; of all handles without one. */
export async function events(site: Site, handle?: string, what?: string): Promise<FixtureEvent[]> {
  return await site.sql<FixtureEvent>(
    `SELECT * FROM {drupald_fixture_log} WHERE (? IS NULL OR handle = ?) AND (? IS NULL OR what = ?) ORDER BY id`,
    [handle ?? null, handle ?? null, what ?? null, what ?? null],
  );
}

/** Waits until a handle wrote an event of this kind, and answers the first. */
export async function event(site: Site, handle: string, what: string): Promise<FixtureEvent> {
  return await waitFor(async () => (await events(site, handle, what))[0], {
    what: `event ${what} of ${handle}`,
    seen: () => events(site, handle),
  });
}

/** The detail of an event that was written as JSON. */
export function detail(found: FixtureEvent): unknown {
  return JSON.parse(found.detail ?? 'null');
}

/** Waits for the end of a process: its row gone and its shutdown hook called. Answers what the hook was given, one entry per call. */
export async function shutdowns(site: Site, handle: string): Promise<ShutdownEvent[]> {
  await waitFor(
    async () => {
      const rows = await site.sql('SELECT 1 FROM {background_process} WHERE handle = ?', [handle]);
      return rows.length === 0 && (await events(site, handle, 'shutdown')).length > 0;
    },
    {
      what: `the end of ${handle}`,
      seen: async () => ({
        events: await events(site, handle),
        row: await site.sql('SELECT * FROM {background_process} WHERE handle = ?', [handle]),
      }),
    },
  );
  return (await events(site, handle, 'shutdown')).map((found) => detail(found) as ShutdownEvent);
}

/** Lets every process pass that waits at this gate. */
export async function openGate(site: Site, name: string): Promise<void> {
  await site.sql('INSERT IGNORE INTO {drupald_fixture_gate} (name) VALUES (?)', [name]);
}
