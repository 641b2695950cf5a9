import { isCronOne } from './cron-one.js';

/** A cron run of a site without Ultimate Cron. */
export const coreCronCallback = 'drupald_core_cron';

/** The hook_cron() of one module, within a cron run that waits for it. */
export const cronHookCallback = 'drupald_cron_hook';

/** One worker that works off items of a queue. */
export const queueCallback = 'drupald_queue';

/** A job of Ultimate Cron 2.x. */
export const ultimateJobCallback = 'drupald_ultimate_job';

/** The callback by which the module background_batch runs a batch. */
export const batchCallback = '_background_batch_process';

/** Carries on a batch of Drupal's own Batch API whose browser went away. */
export const coreBatchCallback = 'drupald_core_batch';

/** Runs the callbacks of a batch that nobody came back for. */
export const batchFinishCallback = 'drupald_batch_finish';

/** Those that only drupald's own processes name. */
export const ownCallbacks: readonly string[] = [
  coreCronCallback,
  cronHookCallback,
  queueCallback,
  ultimateJobCallback,
  coreBatchCallback,
  batchFinishCallback,
];

/** Whether a callback runs the operations of a batch. */
export function runsBatch(callback: string): boolean {
  return callback === batchCallback || callback === coreBatchCallback;
}

/** Whether a callback is one of ours: known only in our workers, and run as the web server would run cron.php. */
export function isOwnCallback(callback: string): boolean {
  return ownCallbacks.includes(callback);
}

/** Whether there are rules of its own for what is begun again of a callback. */
export function hasOwnRules(callback: string): boolean {
  return isOwnCallback(callback) || callback === batchCallback;
}

/** Before the name of an entry in the handle of its runs. */
export const entryPrefix = 'drupald_schedule:';

/** Whether drupald itself begins a process of this name, whatever it calls. */
export function isOwnProcess({ handle, callback }: { handle: string; callback: string }): boolean {
  return isOwnCallback(callback) || handle.startsWith(entryPrefix) || isCronOne(callback);
}

/** Whether a process needs a slot: one that another waits for has that one's. */
export function needsSlot(callback: string): boolean {
  return callback !== cronHookCallback;
}

/**
 * Names under which settings by callback mean a process: many of ours have one callback,
 * so these go by their handle, too.
 */
export function settingNames({ handle, callback }: { handle: string; callback: string }): readonly string[] {
  return isOwnCallback(callback) ? [handle, callback] : [callback];
}
