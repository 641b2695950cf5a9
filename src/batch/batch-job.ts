import type { BatchRules } from '../config/config.js';
import type { BatchJob } from '../workers/protocol.js';

/** How a worker is to run batches. */
export function batchJob({ save, onFailure, retries }: BatchRules): BatchJob {
  return { save: save === 'each' ? 0 : save / 1000, onFailure, retries };
}
