import { describe, inject } from 'vitest';
import { realDrupal } from './paths.js';
import type { Feature, SiteKind } from './site.js';
import { STAND_IN_FEATURES } from './stand-in.js';
import { Suite, type SuiteFacts } from './suite.js';

declare module 'vitest' {
  export interface ProvidedContext {
    drupaldSuite: SuiteFacts | undefined;
  }
}

/** Every feature that the real site has. */
const REAL_FEATURES: readonly Feature[] = ['real', 'locale', 'batch', 'maintenance', 'users', 'semaphore', 'watchdog'];

/** The suite of the global set-up; without one, a suite of this test file's own. */
export async function openSuite(): Promise<Suite> {
  const facts = inject('drupaldSuite');
  return facts === undefined ? await Suite.create() : Suite.attach(facts);
}

/** How tests are spread over the kinds of site. */
export interface DescribeOptions {
  /** On the stand-in, too, where there is a real site: tests of what the stand-in must do as the real one does. */
  readonly both?: boolean;
}

/**
 * Runs `body` on the real site if there is one, else on the stand-in; where a needed feature is missing
 * its tests are skipped and counted.
 */
export function describeSites(
  name: string,
  needs: readonly Feature[],
  body: (kind: SiteKind) => void,
  { both = false }: DescribeOptions = {},
): void {
  for (const kind of ['stand-in', 'real'] as const) {
    const features = kind === 'real' ? REAL_FEATURES : STAND_IN_FEATURES;
    const able = needs.every((need) => features.includes(need)) && (kind === 'stand-in' || realDrupal() !== undefined);
    const asked = process.env['DRUPALD_TEST_SITES']?.split(',');
    const spared = !both && asked === undefined && kind === 'stand-in' && realDrupal() !== undefined;
    const run = able && !spared && (asked ?? [kind]).includes(kind) ? describe : describe.skip;
    run(`${name} [${kind}]`, () => {
      body(kind);
    });
  }
}
