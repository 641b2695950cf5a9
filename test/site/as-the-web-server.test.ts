import { expect, test } from 'vitest';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { newHandle } from '../harness/run.js';

/** What may differ between a run of ours and one of the web server, and why. */
const mayDiffer = [
  // The stated difference, and what comes with it.
  /^sapi$/,
  /^streams\./,
  /^displayErrors$/,
  // Other for every process: names, numbers, times.
  /^(handle|pid|connection|lockId|random\.|get\.q$|bootPath|initPath|requestPath)/,
  // An age in whole seconds differs whenever one of the two crosses a second.
  /^requestTimeAge$/,
  /^server\.(REQUEST_TIME|REQUEST_TIME_FLOAT|REMOTE_PORT|REDIRECT_URL|REQUEST_URI)$/,
  // A setting of the site: the full version of the web server.
  /^server\.SERVER_SOFTWARE$/,
  // Cookies of the visitor never reach a process.
  /^server\.HTTP_COOKIE$/,
  /^cookie$/,
];

/** Fields of nested data as dotted names, so that a difference names its field. */
function flat(value: unknown, name = ''): [string, string][] {
  return value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name === '' ? key : `${name}.${key}`))
    : [[name, JSON.stringify(value)]];
}

describeSites('what a callback sees, field by field beside Apache', [], (kind) => {
  const bench = prepareBench(kind);
  const apache = prepareApache(bench);

  const seen = async (label: string): Promise<Map<string, string>> => {
    const handle = newHandle(label);
    const caller = await bench.site.caller();
    await caller.startLocked(handle, 'drupald_fixture_environment', []);
    const found = detail(await event(bench.site, handle, 'environment'));
    await caller.close();
    return new Map(flat(found));
  };

  test('only what is stated differs', async () => {
    const before = Math.floor(Date.now() / 1000);
    const ours = await seen('ours');
    // Of this request, not of the process that it was forked from.
    expect(Number(JSON.parse(ours.get('server.REQUEST_TIME') ?? '0'))).toBeGreaterThanOrEqual(before);
    await bench.site.setServiceHost(apache.address, 'site.test');
    const theirs = await seen('theirs');
    expect(theirs.get('sapi')).toBe('"apache2handler"');
    expect(ours.get('sapi')).toBe('"cli"');
    const different = [...new Set([...ours.keys(), ...theirs.keys()])]
      .filter((name) => ours.get(name) !== theirs.get(name) && !mayDiffer.some((known) => known.test(name)))
      .map((name) => `${name}: ${ours.get(name) ?? 'missing'} instead of ${theirs.get(name) ?? 'missing'}`);
    expect(different).toEqual([]);
  });
});
