import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootedSite } from './booted-site.js';
import { projectFolder } from './paths.js';
import { enableModules } from './real-site.js';

/** Puts the optional module of drupald into a site, as its documentation says, and enables it. */
export async function enableOwnModule(site: BootedSite): Promise<void> {
  await cp(join(projectFolder(), 'php-shim/module'), join(site.root, 'sites/all/modules/drupald'), { recursive: true });
  await enableModules(site, ['drupald']);
  // The process that does errands has read before which modules there are.
  await site.configure({});
  await site.php('drupal_flush_all_caches(); return TRUE;');
}
