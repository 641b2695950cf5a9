import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { BootedSite } from '../harness/booted-site.js';
import { MariaDb } from '../harness/mariadb.js';
import { realDrupal } from '../harness/paths.js';
import { installReal } from '../harness/real-site.js';
import { copySite } from '../harness/template.js';
import { temporaryFolder } from '../harness/up-site.js';
import type { Side } from './sides.js';

/** What a benchmark measures on. */
export interface BenchSite {
  readonly site: BootedSite;
  /** For what the sides write. */
  readonly folder: string;
  readonly server: MariaDb;
  /** Has a side stopped behind the benchmark, and gives it back. */
  readonly use: (side: Promise<Side>) => Promise<Side>;
}

/** Without them PHP 8.2 fills the log of each page. */
const withoutDeprecations = 'error_reporting(E_ALL & ~E_DEPRECATED);';

/**
 * Installs a real site with a database of its own, has it measured, and takes everything away again.
 *
 * @throws Error when there is no real Drupal
 */
export async function onBenchSite(work: (bench: BenchSite) => Promise<void>): Promise<void> {
  const source = realDrupal();
  if (source === undefined) {
    throw new Error('No real Drupal 7 here: name one with --root.');
  }
  const folder = await temporaryFolder('bench');
  const server = await MariaDb.start(join(folder, 'mariadb'));
  const sides: Side[] = [];
  let site: BootedSite | undefined;
  try {
    const template = await installReal(source, server, folder);
    site = await copySite(template, server, folder, { settings: { extra: withoutDeprecations } });
    const use = async (starting: Promise<Side>): Promise<Side> => {
      const side = await starting;
      sides.push(side);
      return side;
    };
    await work({ site, folder, server, use });
  } finally {
    for (const side of sides) {
      await side.stop();
    }
    await site?.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
