import type { ServedSite } from './served-site.js';

/**
 * Makes copied databases this place's own: what waits in them may run from now on.
 *
 * @returns names of the sites that were copies
 */
export async function adoptCopies(sites: readonly ServedSite[]): Promise<string[]> {
  const copies = sites.filter((site) => site.belonging === 'copied');
  for (const site of copies) {
    await site.adopt();
  }
  return copies.map((site) => site.name);
}
