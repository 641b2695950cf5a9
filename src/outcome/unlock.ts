import type { SiteUri } from '../sites/site-uri.js';
import { runSettleJob, type HelperWord, type SettleTools } from './settle.js';

/** A process of another service host that is no longer there. */
export interface Vanished {
  readonly uri: SiteUri;
  readonly handle: string;
  /** The exact stamp that its row carried when it was judged. */
  readonly stamp: string;
  /** What the hook, the progress and Drupal's log are told. */
  readonly sentence: string;
}

let serial = 0;

/**
 * Lets the module itself unlock a process, in a helper worker that boots the site:
 * `background_process_unlock($handle, $message, $start_stamp)` removes the row under
 * its fence and tells the hook (contract §2). Not by statements of ours when the site
 * does not boot: then the row stays, and is judged again.
 *
 * @returns whether this call removed the row
 * @throws Error when no helper could do it
 */
export async function unlockVanished(
  tools: Omit<SettleTools, 'store' | 'core' | 'freeLocks'>,
  vanished: Vanished,
): Promise<boolean> {
  serial += 1;
  const { uri, handle, stamp, sentence } = vanished;
  const found: HelperWord = { hook: 'none' };
  await runSettleJob(tools, uri, `unlock-${process.pid}-${serial}`, found, {
    handle,
    stamp,
    sentence,
    hook: true,
    progress: false,
    unlock: true,
    endedAt: Date.now() / 1000,
  });
  if (found.row === undefined) {
    throw new Error(found.failure ?? 'the helper worker ended too early');
  }
  return found.row === 'deleted';
}
