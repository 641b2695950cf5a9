import type { CrashBook } from '../outcome/crash-book.js';
import type { Ending } from '../outcome/past-runs.js';
import type { Dispatch } from './dispatch.js';
import type { RunTools } from './end-run.js';
import type { LaneLimits } from './lanes.js';

/** What a scheduler is told. */
export interface SchedulerOptions extends Omit<RunTools, 'crowded'> {
  /** Runs at the same time, over all sites. */
  readonly slots: number | 'auto';
  /** Less for some of them. */
  readonly limits: LaneLimits;
  /** Starts that may wait. */
  readonly backlogMax: number;
  /** What comes first of those that wait: higher numbers. */
  readonly priorityOf: (dispatch: Dispatch) => number;
  /** Which processes have crashed lately. */
  readonly crashes: CrashBook;
  /** Told of every run that has ended; must neither throw nor wait. */
  readonly onEnd: (ending: Ending) => void;
}
