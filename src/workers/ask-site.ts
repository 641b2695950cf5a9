import type { z } from 'zod';

import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
import type { BootFailure, Job } from './protocol.js';

/** One thing that a site is asked in a worker of its own. */
export interface Question<M, A> {
  /** A word that names the worker. */
  readonly kind: string;
  readonly job: (id: string) => Job;
  /** What its worker says. */
  readonly schema: z.ZodType<M>;
  /** Takes the answer from a message; undefined: it is none. */
  readonly answer: (message: M) => A | undefined;
  /** What is the matter when there is none. */
  readonly without?: string;
}

/**
 * Asks a site, and waits for the answer.
 *
 * @throws Error with the reason when there is none
 */
export async function askSite<M extends { readonly type: string }, A>(
  at: ErrandPlace,
  { kind, job, schema, answer, without = 'its worker ended without a word' }: Question<M, A>,
): Promise<A> {
  const found: { trouble: string; answer?: A } = { trouble: without };
  await runErrand(at, kind, job, schema, (message) => {
    if (isBootFailure(message)) {
      found.trouble = bootReason(message);
      return;
    }
    const given = answer(message);
    if (given !== undefined) found.answer = given;
  });
  if (found.answer === undefined) {
    throw new Error(found.trouble);
  }
  return found.answer;
}

function isBootFailure(message: { readonly type: string }): message is BootFailure {
  return message.type === 'boot-failed';
}
