import { BatchBrowser } from '../harness/batch-browser.js';
import type { BootedSite } from '../harness/booted-site.js';
import { openGate } from '../harness/fixture-log.js';
import { enableOwnModule } from '../harness/own-module.js';
import { median } from './figures.js';
import { cpuOf } from './measures.js';
import type { Side } from './sides.js';

/** Requests of each kind in a round. */
const count = 200;

/** What the web server does to tell a page how far its batch is, beside a page that tells nothing; without our module and with it. */
export async function batchPolls(site: BootedSite, web: Side, side: Side, rounds: number): Promise<void> {
  await site.setServiceHost(`http://127.0.0.1:${side.port}`, 'site.test');
  const browser = await BatchBrowser.signIn(`http://127.0.0.1:${web.port}`, site);
  const id = await browser.make([{ label: 'polled', operations: [[1, 'gate polled']] }]);
  await browser.start(id);
  const poll = (): Promise<unknown> => browser.poll(id);
  const nothing = (): Promise<unknown> =>
    browser.ask('drupald-fixture/nothing', { method: 'POST', js: true, body: '' });
  for (const module of [false, true]) {
    if (module) await enableOwnModule(site);
    const found = { nothing: [] as number[], poll: [] as number[] };
    for (let round = -1; round < rounds; round += 1) {
      for (const [name, ask] of [
        ['nothing', nothing],
        ['poll', poll],
      ] as const) {
        const before = await cpuOf([web]);
        for (let n = 0; n < count; n += 1) await ask();
        // The first round warms both.
        if (round >= 0) found[name].push(((await cpuOf([web])) - before) / count);
      }
    }
    const [own, all] = [median(found.nothing), median(found.poll)];
    console.log(
      `CPU of the web server for a poll${module ? ', with the module drupald' : ''}: ${all.toFixed(2)} ms,` +
        ` for a page that tells nothing ${own.toFixed(2)} ms: ${(all - own).toFixed(2)} ms more`,
    );
  }
  await openGate(site, 'polled');
}
