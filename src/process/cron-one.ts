/** The callback by which Ultimate Cron 1.x runs one of its jobs. */
export const jobCallbackOne = '_ultimate_cron_run_hook';

/** The one by which its pages run cron, once a minute from then on. */
const pagesCallbackOne = '_ultimate_cron_poorman';

/** Whether a callback is cron of Ultimate Cron 1.x. */
export function isCronOne(callback: string): boolean {
  return callback === jobCallbackOne || callback === pagesCallbackOne;
}
