import type { TestProject } from 'vitest/node';
import { Suite } from './suite.js';

/** Starts the suite's one MariaDB server before the first test file and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const suite = await Suite.create();
  project.provide('drupaldSuite', suite.facts);
  return () => suite.close();
}
