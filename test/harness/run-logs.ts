import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One file below a state folder. */
export interface KeptFile {
  readonly path: string;
  readonly bytes: number;
  readonly text: string;
}

/** All ordinary files below a folder, with their text; files that vanish meanwhile are left out. */
export async function filesBelow(folder: string): Promise<KeptFile[]> {
  const found: KeptFile[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) {
      const text = await readFile(path, 'latin1').catch(() => undefined);
      if (text !== undefined) {
        found.push({ path, bytes: (await stat(path)).size, text });
      }
    }
  }
  return found;
}
