import { z } from 'zod';

import type { EventBus } from '../events/bus.js';
import type { Deprecations, SiteFacts, SiteSettings } from '../sites/description.js';
import type { SiteUri } from '../sites/site-uri.js';
import { clockAhead, wallMs } from '../support/clock.js';
import { runErrand } from './errand.js';
import { describeJob, type DescribeOptions, type JobPlace } from './jobs.js';
import { bootFailedMessage, type BootFailure } from './protocol.js';
import type { WorkerSource } from './worker.js';

/** What the shim found, as far as it came. */
export interface SiteAnswer {
  readonly settings?: SiteSettings | undefined;
  readonly facts?: SiteFacts | undefined;
  /** Instead of the facts, when they were asked for. */
  readonly deprecations?: Deprecations | undefined;
  /** Why there are no settings: not-drupal, drupal-version, settings, no-database or facts. */
  readonly problem?: { readonly what: string; readonly detail: string } | undefined;
  /** Why it could not be booted. */
  readonly failure?: BootFailure | undefined;
}

// The shim ships with the daemon, so the shapes are its own; what is checked is that they are there.
const answer = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('settings'), version: z.string() }),
  z.looseObject({ type: z.literal('facts'), time: z.number() }),
  z.looseObject({ type: z.literal('deprecations') }),
  z.looseObject({
    type: z.literal('problem'),
    what: z.string(),
    message: z.string().optional(),
    version: z.string().optional(),
  }),
  bootFailedMessage,
  z.looseObject({ type: z.literal('done') }),
]);

/** Workers that may be killed by somebody else before that counts as what the site does. */
const attempts = 3;

/**
 * Boots a site once in a worker of its own and reads what it is.
 *
 * @param timeout milliseconds after which the worker is killed
 * @throws DrupaldError when PHP itself cannot be started
 */
export async function describeSite(
  source: WorkerSource,
  place: JobPlace,
  uri: SiteUri,
  bus: EventBus,
  timeout: number,
  options: DescribeOptions = {},
): Promise<SiteAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const { answer, killedBy } = await describeOnce(source, place, uri, bus, timeout, options);
    if (killedBy === undefined) return answer;
    if (attempt === attempts) {
      return { ...answer, failure: { type: 'boot-failed', cause: 'fatal', message: `PHP ended (${killedBy})` } };
    }
  }
}

/** @returns killedBy: the signal by which somebody else has ended the worker before it had told all */
async function describeOnce(
  source: WorkerSource,
  place: JobPlace,
  uri: SiteUri,
  bus: EventBus,
  timeout: number,
  options: DescribeOptions,
): Promise<{ answer: SiteAnswer; killedBy?: string }> {
  const begun = wallMs();
  const found: { -readonly [K in keyof SiteAnswer]: SiteAnswer[K] } = {};
  const job = (id: string) => describeJob(place, uri, id, options);
  const { exit, late } = await runErrand({ source, place, uri, bus, timeout }, 'describe', job, answer, (message) => {
    switch (message.type) {
      case 'settings':
        found.settings = message as unknown as SiteSettings;
        return;
      case 'facts':
        found.facts = {
          ...(message as unknown as Omit<SiteFacts, 'clockAhead'>),
          clockAhead: clockAhead(message.time, begun, wallMs()),
        };
        return;
      case 'deprecations':
        found.deprecations = message as unknown as Deprecations;
        return;
      case 'problem':
        found.problem = { what: message.what, detail: message.message ?? message.version ?? '' };
        return;
      case 'boot-failed':
        found.failure = message;
        return;
      case 'done':
        return;
    }
  });
  if (!found.facts && !found.deprecations && !found.problem && !found.failure) {
    if (exit.signal !== undefined && !late) {
      return { answer: found, killedBy: exit.signal };
    }
    const how = late ? `it took longer than ${timeout / 1000} s` : `PHP ended (${exit.code ?? 'unseen'})`;
    found.failure = { type: 'boot-failed', cause: 'fatal', message: how };
  }
  return { answer: found };
}

/** A failed boot in a few words, with file and line where they are known. */
export function bootReason(failure: BootFailure): string {
  if (failure.cause === 'exit') {
    const printed = failure.message ? `; the last that it printed: ${failure.message}` : '';
    return `the site ended or redirected the request while it started (exit or drupal_goto in hook_boot or hook_init)${printed}`;
  }
  const place = failure.file ? ` in ${failure.file}:${failure.line ?? 0}` : '';
  const what = failure.class ? `${failure.class}: ` : '';
  return `${what}${failure.message ?? 'unknown reason'}${place}`;
}
