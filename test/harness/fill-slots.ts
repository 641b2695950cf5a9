import type { Caller } from './caller.js';
import { event } from './fixture-log.js';
import { readRow } from './row.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** Takes a slot for each gate until it is opened, and lets more wait behind them. */
export async function fillSlots(
  site: Site,
  caller: Caller,
  gates: readonly string[],
  waiting: readonly string[],
): Promise<void> {
  for (const gate of gates) {
    await caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
    await event(site, gate, 'gate');
  }
  for (const handle of waiting) {
    await caller.startLocked(handle, 'drupald_fixture_environment');
    await waitFor(async () => (await readRow(site, handle))?.exec_status === 3, { what: 'the start to wait' });
  }
}
