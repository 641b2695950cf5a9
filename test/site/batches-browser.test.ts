import { beforeAll, describe, expect, test } from 'vitest';
import { BatchBrowser, type FixtureSet } from '../harness/batch-browser.js';
import { hasChromium, prepareChromium, type Person } from '../harness/chromium.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, events, openGate } from '../harness/fixture-log.js';
import { enableOwnModule } from '../harness/own-module.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const run = hasChromium ? describe : describe.skip;

run('a browser', () => {
  describeSites('on the page of a batch', ['real'], (kind) => {
    const bench = prepareBench(kind, { daemon: { slots: 6 } });
    const apache = prepareApache(bench);
    const people = prepareChromium(() => apache.address);
    let maker: BatchBrowser;

    beforeAll(async () => {
      maker = await BatchBrowser.signIn(apache.address, bench.site);
      // The core does not say any more by a cookie whether a browser has JavaScript, unless it is told to.
      await bench.site.variable('set_has_js_cookie', true);
      await bench.site.variable('background_batch_delay', 10_000);
    }, 60_000);

    const set = (label: string, count: number, moods: Readonly<Record<number, string>> = {}): FixtureSet => ({
      label,
      operations: Array.from({ length: count }, (_, index) => [index + 1, moods[index + 1] ?? 'slow']),
    });
    const results = async (label: string): Promise<unknown[]> =>
      (await events(bench.site, label, 'finished')).map((one) => (detail(one) as { results: unknown }).results);
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
    const share = async ({ page }: Person): Promise<string> =>
      (await page.locator('#progress .percentage').textContent()) ?? '';
    /** Opens the page of a batch and waits until its bar stands there. */
    async function watch(person: Person, id: number, percentage: string): Promise<void> {
      await person.page.goto(`/batch?op=start&id=${id}`);
      await person.page.locator('#progress .percentage', { hasText: percentage }).waitFor();
    }
    const messages = async ({ page }: Person): Promise<string> =>
      (await page.locator('.messages').allTextContents()).join('\n');

    test('the bar goes on with the work, and the end leads to where the batch wants it, with its messages', async () => {
      const label = newHandle('seen');
      const admin = await people.administrator();
      const id = await maker.make([set(label, 8, { 3: `gate ${label}`, 6: 'say all is well' }), set(`${label}-2`, 8)]);
      await watch(admin, id, '12.5');
      expect(await admin.page.locator('h1').first().textContent()).toContain(label);
      expect(await admin.page.locator('#progress').textContent()).toContain('Done 2 of 8, 6 left');
      await openGate(bench.site, label);
      await admin.page.waitForURL(/\/user/);
      const said = await messages(admin);
      for (const text of ['Operation 6 says all', 'Set 1 is over', 'Set 2 is over']) expect(said).toContain(text);
      expect(await results(label)).toEqual([numbers(8), numbers(8)]);
      await admin.context.close();
    }, 90_000);

    test('who closes the page and comes back, also by another browser, sees where the work stands', async () => {
      const label = newHandle('left');
      const admin = await people.administrator();
      const id = await maker.make([set(label, 10, { 3: `gate ${label}`, 6: `gate ${label}-6` })]);
      await watch(admin, id, '20');
      await admin.page.close();
      await openGate(bench.site, label);
      const begun = async (): Promise<number> => (await events(bench.site, label, 'operation')).length;
      await waitFor(async () => (await begun()) === 6, { what: 'the work to go on' });
      const [again, elsewhere] = [
        { ...admin, page: await admin.context.newPage() },
        await people.administrator(),
      ] as const;
      await Promise.all([watch(again, id, '50'), watch(elsewhere, id, '50')]);
      expect(await share(again)).toMatch(/^50/);
      await elsewhere.context.close();
      await openGate(bench.site, `${label}-6`);
      await again.page.waitForURL(/\/user/);
      expect(await messages(again)).toContain('Set 1 is over');
      expect(await begun()).toBe(10);
      expect(await results(label)).toEqual([numbers(10)]);
      await admin.context.close();
    }, 90_000);

    test('an operation that fails is told on the page, and the end says which and why', async () => {
      const label = newHandle('fails');
      const admin = await people.administrator();
      const id = await maker.make([set(label, 4, { 2: 'partly', 3: 'throw' })]);
      await admin.page.goto(`/batch?op=start&id=${id}`);
      await admin.page.waitForURL(/\/user/);
      expect(await messages(admin)).toContain('The operation of the fixture fails half way');
      expect(await results(label)).toEqual([[1]]);
      await admin.context.close();
    }, 90_000);

    test('without JavaScript the page comes to its end, too', async () => {
      const label = newHandle('plain');
      const admin = await people.administrator({ javaScript: false });
      const id = await maker.make([set(label, 6, { 3: `gate ${label}` })]);
      // The page leaves itself as soon as it is there: nothing on it could be waited for.
      const stands = admin.page.waitForResponse(async (page) =>
        (await page.text().catch(() => '')).includes('<div class="percentage">33.33%'),
      );
      await admin.page.goto(`/batch?op=start&id=${id}`, { waitUntil: 'commit' });
      await stands;
      await openGate(bench.site, label);
      await admin.page.waitForURL(/\/user/);
      expect(await messages(admin)).toContain('Set 1 is over');
      expect(await results(label)).toEqual([numbers(6)]);
      await admin.context.close();
    }, 90_000);

    describe('with the module of drupald', () => {
      beforeAll(async () => {
        await enableOwnModule(bench.site);
        await bench.site.variable('set_has_js_cookie', false);
      }, 60_000);

      test('a browser with JavaScript gets the page for it without a cookie', async () => {
        const label = newHandle('script');
        const admin = await people.administrator();
        const id = await maker.make([set(label, 4, { 2: `gate ${label}` })]);
        await watch(admin, id, '25');
        expect(admin.page.url()).toContain('js=1');
        expect((await admin.context.cookies()).map(({ name }) => name)).not.toContain('has_js');
        await openGate(bench.site, label);
        await admin.page.waitForURL(/\/user/);
        expect(await messages(admin)).toContain('Set 1 is over');
        await admin.context.close();
      }, 90_000);

      test('one without reloads itself in peace', async () => {
        const label = newHandle('peace');
        const admin = await people.administrator({ javaScript: false });
        const id = await maker.make([set(label, 4, { 2: `gate ${label}` })]);
        const refreshes: string[] = [];
        admin.page.on('response', (page) => {
          void page
            .text()
            .catch(() => '')
            .then((text) => refreshes.push(...(/"Refresh" content="([^"]+)"/.exec(text)?.slice(1) ?? [])));
        });
        await admin.page.goto(`/batch?op=start&id=${id}`, { waitUntil: 'commit' });
        await waitFor(() => refreshes.length > 2, { what: 'three pages', seen: () => refreshes });
        await openGate(bench.site, label);
        await admin.page.waitForURL(/\/user/);
        for (const refresh of refreshes)
          expect(refresh).toMatch(refresh.includes('op=finished') ? /^0;/ : /^1; URL=.*do_nojs/);
        expect(await results(label)).toEqual([numbers(4)]);
        await admin.context.close();
      }, 90_000);

      test('tabs that open the end at the same time have its callbacks called once', async () => {
        const label = newHandle('race');
        const id = await maker.make([{ ...set(label, 0), finished: 'drupald_fixture_batch_slow_end' }, set(label, 3)]);
        // Without JavaScript the first page would go to the end at once, if it took the first set for the batch.
        expect((await maker.start(id, false)).text).not.toContain('op=finished');
        await maker.pollUntil(id, ({ percentage }) => Number(percentage) === 100);
        for (const page of await Promise.all([1, 2, 3].map(() => maker.finish(id)))) expect(page).toContain('admin');
        expect(await results(label)).toEqual([[], numbers(3)]);
      }, 90_000);

      test('every tab comes to the end, and whoever opens the address later, too; a stranger does not', async () => {
        const label = newHandle('tabs');
        const admin = await people.administrator();
        const id = await maker.make([set(label, 4, { 2: `gate ${label}` })]);
        await watch(admin, id, '25');
        const second = { ...admin, page: await admin.context.newPage() };
        await watch(second, id, '25');
        for (const { page } of [admin, second]) expect(page.url()).toContain('js=1');
        await openGate(bench.site, label);
        await Promise.all([admin, second].map(({ page }) => page.waitForURL(/\/user/)));
        expect(await results(label)).toEqual([numbers(4)]);
        const later = await admin.page.goto(`/batch?op=start&id=${id}`);
        expect(later?.status()).toBe(200);
        expect(admin.page.url()).toMatch(/\/user/);
        const poll = (person: Person): Promise<unknown> =>
          person.page.evaluate(async (path) => (await fetch(path, { method: 'POST' })).json(), `/batch?op=do&id=${id}`);
        expect(await poll(admin)).toMatchObject({ status: true, percentage: '100.00' });
        const stranger = await people.person();
        expect((await stranger.page.goto(`/batch?op=start&id=${id}`))?.status()).toBe(404);
        expect(await poll(stranger)).toEqual({
          status: 0,
          data: expect.stringContaining('This batch has ended') as string,
        });
        await Promise.all([admin, stranger].map(({ context }) => context.close()));
      }, 90_000);
    });
  });
});
