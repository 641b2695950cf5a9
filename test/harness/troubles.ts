import type { Daemon } from './daemon.js';

/** Codes of what `drupald ps` says to be wrong now. */
export async function troubles(daemon: Daemon): Promise<string[]> {
  const { troubles: found } = (await daemon.ps()) as { troubles?: { code: string }[] };
  return (found ?? []).map(({ code }) => code);
}
