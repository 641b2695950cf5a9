import { randomUUID } from 'node:crypto';
import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { giveTo, testAccount } from './account.js';

/**
 * Gives a file another text, whole at once. The files of a site are hard links to those of
 * its template, so that writing into one would change every other site.
 *
 * @returns puts the former text back
 */
export async function replaceFile(path: string, change: (text: string) => string): Promise<() => Promise<void>> {
  const before = await readFile(path, 'utf8');
  await put(path, change(before));
  return () => put(path, before);
}

async function put(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, text);
  await chmod(fresh, (await stat(path)).mode);
  await giveTo(testAccount(), fresh);
  await rename(fresh, path);
}
