import type { EndedRun, PastRun, RunOutput, RunProgress } from '../process/ended-run.js';
import { readOutput } from './run-output.js';
import { Secrets } from './secrets.js';

/** A run that has ended, on its way into the history. */
export interface Ending {
  readonly run: EndedRun;
  /** File with what it printed. */
  readonly log: string;
  /** The secret of its start, which nobody may see. */
  readonly token: string;
  /** What a process of our own had begun. */
  readonly steps?: readonly string[];
  /** Those of them after which something is left to do: of items of a queue that failed, or that it had in hand. */
  readonly left?: readonly string[];
  /** Read once, so that a batch that has to wait keeps it. */
  output?: Promise<RunOutput | undefined>;
}

/** A row of progress, with its stamps in seconds since 1970; `end` 0: it has not ended. */
export type ToldProgress = RunProgress & { readonly start: number; readonly end: number };

/** Seconds by which the stamps of a progress may differ from ours. */
const tolerance = 1;

/** Adds what runs printed and told of their progress, and hides what nobody may see. */
export async function completeRuns(
  endings: readonly Ending[],
  told: ReadonlyMap<string, ToldProgress>,
  secrets: Secrets,
): Promise<PastRun[]> {
  return Promise.all(
    endings.map(async (ending) => {
      const { run, token } = ending;
      const own = new Secrets([token]);
      const hide = (text: string): string => own.hide(secrets.hide(text));
      ending.output ??= readOutput(ending.log);
      const output = await ending.output;
      const progress = progressOf(run, told.get(run.handle));
      return {
        ...run,
        sentence: hide(run.sentence),
        ...(progress ? { progress: { fraction: progress.fraction, message: hide(progress.message) } } : {}),
        ...(output ? { output: { ...output, head: hide(output.head), tail: hide(output.tail) } } : {}),
      };
    }),
  );
}

/** The progress that is this run's: the row outlives the run, and the next run of the handle writes a new one. */
function progressOf(run: EndedRun, told: ToldProgress | undefined): ToldProgress | undefined {
  if (!told || run.started === undefined || told.start > run.ended) {
    return undefined;
  }
  return told.end === 0 || told.end >= run.started - tolerance ? told : undefined;
}
