/** A cron run of a site without Ultimate Cron. */
export const coreCronCallback = 'drupald_core_cron';

/** One worker that works off items of a queue. */
export const queueCallback = 'drupald_queue';

/** A job of Ultimate Cron 2.x. */
export const ultimateJobCallback = 'drupald_ultimate_job';

const ownCallbacks: readonly string[] = [coreCronCallback, queueCallback, ultimateJobCallback];

/** Whether a callback is one of ours: known only in our workers, and run as the web server would run cron.php. */
export function isOwnCallback(callback: string): boolean {
  return ownCallbacks.includes(callback);
}
