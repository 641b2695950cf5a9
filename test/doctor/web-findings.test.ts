import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { webFindings } from '../../src/doctor/web-findings.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import { shimFolder } from '../../src/support/package.js';
import { facts, surroundings, uris } from './facts.js';

it('says where the probe could not be put', async () => {
  const root = '/nowhere/at/all';
  const site = { name: 'http://a.test', uris: uris('http://a.test'), facts: facts(), config: { root } };
  const found = await webFindings(site as unknown as ServedSite, shimFolder, 'http://127.0.0.1:1');
  expect(found).toMatchObject([{ code: 'probe-not-placed', level: 'problem' }]);
  expect(found[0]?.title).toContain(`${root} (ENOENT)`);
});

it.each([
  ['is three minutes late', -180, ['web-clock']],
  ['goes right', 0, ['web-same']],
])('a web server whose clock %s', async (_what, seconds, expected) => {
  const root = await mkdtemp(join(tmpdir(), 'drupald-web-'));
  const server = createServer((_request, response) => {
    response.end(JSON.stringify(surroundings({ time: Date.now() / 1000 + seconds })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const site = { name: 'http://a.test', uris: uris('http://a.test'), facts: facts(), config: { root } };
  const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const found = await webFindings(site as unknown as ServedSite, shimFolder, to);
  expect(found.map(({ code }) => code)).toEqual(expected);
  server.close();
  await rm(root, { recursive: true });
});
