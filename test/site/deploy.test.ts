import { randomUUID } from 'node:crypto';
import { readlink, rename, rm, stat, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { replaceFile } from '../harness/replace-file.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { linkFolder } from '../harness/template.js';

const module = 'sites/all/modules/drupald_fixture';

describeSites('a deploy', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 3, isolation: 'process' } });

  /** Where releases lie, beside the root. */
  const beside = (name: string): string => join(dirname(bench.site.root), name);

  /** Copies a release and changes of which release its files say they are. */
  async function release(from: string, name: string): Promise<void> {
    await linkFolder(beside(from), beside(name));
    for (const file of ['releases.inc', 'late.inc']) {
      await replaceFile(join(beside(name), module, file), (text) => text.replace(/'(one|two|six)'/, `'${name}'`));
    }
  }

  /** Lets the root lead to another release, in one moment. */
  async function point(name: string): Promise<void> {
    const link = beside(`link-${randomUUID()}`);
    await symlink(name, link);
    await rename(link, bench.site.root);
  }

  /** Has the root be a link to the release "one". */
  async function begin(): Promise<void> {
    if (await readlink(bench.site.root).catch(() => undefined)) {
      return point('one');
    }
    await bench.daemon.stop();
    await rename(bench.site.root, beside('one'));
    await symlink('one', bench.site.root);
    await release('one', 'two');
    await bench.restart();
  }

  /** Of which release the next process is. */
  async function next(): Promise<string> {
    const run = await runToEnd(bench, 'drupald_fixture_release');
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    return (await event(bench.site, run.handle, 'release')).detail ?? '';
  }

  /** Of which releases the next processes are; some find the site loaded, some do not. */
  async function nextOnes(): Promise<string[]> {
    return [await next(), await next(), await next()];
  }

  async function held(late: boolean): Promise<string> {
    const handle = newHandle('held');
    await bench.caller.startLocked(handle, 'drupald_fixture_release', [handle, late]);
    await event(bench.site, handle, 'gate');
    return handle;
  }

  async function swaps(): Promise<void> {
    const { site } = bench;
    await begin();
    expect(await nextOnes()).toEqual(['one', 'one', 'one']);
    const running = await held(true);
    await point('two');
    expect(await nextOnes()).toEqual(['two', 'two', 'two']);
    await openGate(site, running);
    const run = await finished(bench, running);
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    // A file that it loads behind the swap is of its own release.
    expect((await event(site, running, 'late')).detail).toBe('one');
    await point('one');
    expect(await nextOnes()).toEqual(['one', 'one', 'one']);
    // Rows alone: with isolation shared a worker waits for more to do.
    await nothingLeft(site);
  }

  async function deletes(): Promise<void> {
    const { site } = bench;
    await begin();
    await release('one', 'six');
    await point('six');
    expect(await nextOnes()).toEqual(['six', 'six', 'six']);
    const running = [await held(false), await held(false)];
    await point('two');
    await rm(beside('six'), { recursive: true });
    expect(await nextOnes()).toEqual(['two', 'two', 'two']);
    for (const handle of running) {
      await openGate(site, handle);
      const run = await finished(bench, handle);
      expect(run.ended).toMatchObject({ outcome: 'completed' });
      expect(run.shutdowns.map((call) => call.message)).toEqual([null]);
    }
    await nothingLeft(site);
  }

  test('that swaps the link of the root: what runs ends in the old code, the next start has the new', async () => {
    await swaps();
  });

  test('that deletes the release under a running process lets it end', async () => {
    await deletes();
  });

  test('of code outside a folder "sites" that all releases share is seen', async () => {
    await begin();
    await rename(beside('one/sites'), beside('sites'));
    await rm(beside('two/sites'), { recursive: true });
    await symlink('../sites', beside('one/sites'));
    await symlink('../sites', beside('two/sites'));
    const define = (text: string): string => text.replace('<?php', "<?php define('DRUPALD_FIXTURE_CORE', 'new');");
    await replaceFile(beside('two/includes/common.inc'), define);
    try {
      expect(await nextOnes()).toEqual(['one', 'one', 'one']);
      await point('two');
      expect(await nextOnes()).toEqual(['one new', 'one new', 'one new']);
    } finally {
      await point('one');
      await rm(beside('one/sites'));
      await rename(beside('sites'), beside('one/sites'));
      await rm(beside('two'), { recursive: true });
      await release('one', 'two');
    }
  });

  test('that puts a folder of the same name in its place is seen, though its files are as old and as long', async () => {
    await begin();
    await rm(bench.site.root);
    await rename(beside('one'), bench.site.root);
    try {
      expect(await nextOnes()).toEqual(['one', 'one', 'one']);
      const file = join(module, 'releases.inc');
      const { atime, mtime } = await stat(join(bench.site.root, file));
      await utimes(join(beside('two'), file), atime, mtime);
      await rename(bench.site.root, beside('one'));
      await rename(beside('two'), bench.site.root);
      expect(await nextOnes()).toEqual(['two', 'two', 'two']);
    } finally {
      await rename(bench.site.root, beside('two'));
      await symlink('one', bench.site.root);
    }
  });

  test.each(['fresh', 'shared', 'cold'] as const)('with isolation %s', async (isolation) => {
    await bench.restart({ isolation });
    await swaps();
    await deletes();
  });
});
