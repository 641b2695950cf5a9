import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo } from './account.js';
import type { BootedSite } from './booted-site.js';
import { hasMemcached, startMemcached } from './memcached.js';
import { projectFolder } from './paths.js';
import { hasRedis, startRedis } from './redis.js';

/** The cache backends of demo/site, which also work on a real Drupal 7. */
export type BackendName = 'redis' | 'memcache' | 'apcu';

/** A backend with the server behind it. */
export interface CacheBackend {
  /** Variables for settings.php. */
  readonly conf: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

const FOLDER = 'sites/all/modules/demo_cache';

/** Whether this machine has the server behind a backend. */
export function hasBackend(name: BackendName): boolean {
  return name === 'redis' ? hasRedis() : name === 'memcache' ? hasMemcached() : true;
}

/** Puts the backend's file into a site and starts its server below `folder`. */
export async function startBackend(name: BackendName, site: BootedSite, folder: string): Promise<CacheBackend> {
  const target = join(site.root, FOLDER);
  await cp(join(projectFolder(), 'demo/site', FOLDER), target, { recursive: true });
  await giveTo(site.account, target);
  const backends = { cache_backends: [`${FOLDER}/${name}.inc`] };
  if (name === 'apcu') {
    return { conf: { ...backends, cache_default_class: 'DemoApcuCache' }, stop: () => Promise.resolve() };
  }
  const server = name === 'redis' ? await startRedis(folder) : await startMemcached(folder);
  const own = { [`demo_cache_${name}`]: { socket: server.socket } };
  const cache_default_class = name === 'redis' ? 'DemoRedisCache' : 'DemoMemcacheCache';
  return { conf: { ...backends, ...own, cache_default_class }, stop: () => server.stop() };
}
