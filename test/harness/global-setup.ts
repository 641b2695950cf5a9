import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { realDrupal } from './paths.js';
import { mustRun } from './program.js';
import { Suite } from './suite.js';
import { loadTemplate } from './template.js';

/** Starts the suite's one MariaDB server and installs the sites that are copied before the first test file and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const suite = await Suite.create();
  const files: string[] = [];
  // Before the first file: two that run side by side must not install at the same time.
  const asked = process.env['DRUPALD_TEST_SITES']?.split(',');
  for (const kind of ['stand-in', 'real'] as const) {
    if ((asked ?? [kind]).includes(kind) && (kind === 'stand-in' || realDrupal() !== undefined)) {
      await suite.install(kind);
      files.push((await loadTemplate(suite.folder, kind))?.files ?? join(suite.folder, kind));
    }
  }
  const before = await states(files);
  project.provide('drupaldSuite', suite.facts);
  return async () => {
    const after = await states(files);
    await suite.close();
    const changed = [...before].filter((line) => !after.has(line));
    if (changed.length > 0) {
      // An error at the end alone does not fail the run.
      process.exitCode = 1;
      throw new Error(
        `A test wrote into a file that the sites of all tests share (test/harness/replace-file.ts does not):\n${changed.join('\n')}`,
      );
    }
  };
}

/** Path, size and age of all files below folders. */
async function states(folders: readonly string[]): Promise<Set<string>> {
  const lists = await Promise.all(
    folders.map((folder) => mustRun('find', [folder, '-type', 'f', '-printf', '%p %s %T@\n'])),
  );
  return new Set(lists.flatMap(({ stdout }) => stdout.split('\n')));
}
