import { expect, it } from 'vitest';
import { webFindings } from '../../src/doctor/web-findings.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import { shimFolder } from '../../src/support/package.js';
import { facts, uris } from './facts.js';

it('says where the probe could not be put', async () => {
  const root = '/nowhere/at/all';
  const site = { name: 'http://a.test', uris: uris('http://a.test'), facts: facts(), config: { root } };
  const found = await webFindings(site as unknown as ServedSite, shimFolder, 'http://127.0.0.1:1');
  expect(found).toMatchObject([{ code: 'probe-not-placed', level: 'problem' }]);
  expect(found[0]?.title).toContain(`${root} (ENOENT)`);
});
