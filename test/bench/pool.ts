import { onBenchSite } from './bench-site.js';
import { median } from './figures.js';
import { burst } from './measures.js';
import { daemonSide, type Side } from './sides.js';

/** Slots of one daemon, and of two together. */
const slots = 8;

/** One daemon beside two that have half of its slots each, on one machine. */
export async function poolBench(rounds: number): Promise<void> {
  await onBenchSite(async ({ site, folder, use }) => {
    await site.configure({ conf: { background_process_service_hosts: { bench: { base_url: 'http://127.0.0.1:1' } } } });
    const one = [await use(daemonSide('one', site, folder, { slots }))];
    const two: Side[] = [];
    for (const name of ['first', 'second']) {
      two.push(await use(daemonSide(name, site, folder, { slots: slots / 2 })));
    }
    const pools = [
      { name: 'one daemon', sides: one },
      { name: 'two daemons', sides: two },
    ].map((pool) => ({ ...pool, rates: [] as number[], costs: [] as number[] }));
    for (const { sides } of pools) await burst(site, sides, 60, 12);
    for (let round = 0; round < rounds; round += 1) {
      for (const { sides, rates, costs } of pools) {
        const { perSecond, cpuMs } = await burst(site, sides, 300, 12);
        rates.push(perSecond);
        costs.push(cpuMs);
      }
    }
    const base = median(pools[0]?.rates ?? []);
    for (const { name, rates, costs } of pools) {
      const rate = median(rates);
      console.log(
        `no-op processes a second, ${name}: ${rate.toFixed(1)} (${(rate / base).toFixed(2)} ×), CPU of each ${median(costs).toFixed(2)} ms`,
      );
    }
  });
}
