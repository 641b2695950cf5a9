import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchBrowser } from './batch-browser.js';
import { BatchSights } from './batches.js';
import type { Bench } from './bench.js';

/** Who looks at batches in a block of tests. */
export interface BatchWatch {
  readonly browser: BatchBrowser;
  readonly sights: BatchSights;
  /** File of the daemon's settings. */
  readonly config: string;
}

/** Restarts the daemon of a bench with settings for batches, and signs a browser in. */
export async function beginBatches(
  bench: Bench,
  apache: { readonly address: string },
  settings = '{ finish_after: 1 s }',
): Promise<BatchWatch> {
  const config = join(bench.suite.folder, `batches-${bench.daemon.port}.yml`);
  await writeFile(config, `batch: ${settings}\n`);
  await bench.restart({ config });
  const browser = await BatchBrowser.signIn(apache.address, bench.site);
  // Every word of a page is written.
  await bench.site.variable('background_batch_delay', 0);
  return { browser, sights: new BatchSights(bench), config };
}
