import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MariaDb } from './mariadb.js';
import { realDrupal } from './paths.js';
import { installReal } from './real-site.js';
import type { SiteKind } from './site.js';
import { installStandIn } from './stand-in.js';
import { copySite } from './template.js';

/** Makes a folder below the system's temporary one that other accounts may pass through. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `drupald-${name}-`));
  await chmod(folder, 0o755);
  return folder;
}

/** One site to try things on by hand, with everything that it needs. */
export async function bringUp(options: {
  kind: SiteKind;
  uris?: readonly string[];
  serviceHost?: string;
  prefix?: string;
}) {
  const folder = await temporaryFolder('up');
  const server = await MariaDb.start(join(folder, 'mariadb'));
  try {
    const source = realDrupal();
    if (options.kind === 'real' && source === undefined) {
      throw new Error('No real Drupal 7 here: set DRUPALD_TEST_DRUPAL7.');
    }
    const template =
      options.kind === 'real' && source !== undefined
        ? await installReal(source, server, folder)
        : await installStandIn(server, folder);
    const site = await copySite(template, server, folder, {
      ...(options.uris === undefined ? {} : { uris: options.uris }),
      ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
    });
    await site.setServiceHost(
      options.serviceHost ?? 'http://127.0.0.1:8970',
      new URL(site.uris[0] ?? 'http://site.test').host,
    );
    return {
      facts: {
        kind: site.kind,
        root: site.root,
        uris: site.uris,
        database: site.database,
        account: site.account,
        settings: site.settingsPath,
        features: [...site.features],
        mariadbPid: server.pid,
      },
      close: async () => {
        await site.close();
        await server.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
