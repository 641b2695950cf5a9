import type { TestProject } from 'vitest/node';
import { realDrupal } from './paths.js';
import { Suite } from './suite.js';

/** Starts the suite's one MariaDB server and installs the sites that are copied before the first test file and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const suite = await Suite.create();
  // Before the first file: two that run side by side must not install at the same time.
  const asked = process.env['DRUPALD_TEST_SITES']?.split(',');
  for (const kind of ['stand-in', 'real'] as const) {
    if ((asked ?? [kind]).includes(kind) && (kind === 'stand-in' || realDrupal() !== undefined)) {
      await suite.install(kind);
    }
  }
  project.provide('drupaldSuite', suite.facts);
  return () => suite.close();
}
