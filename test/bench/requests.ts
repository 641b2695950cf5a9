import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { BootedSite } from '../harness/booted-site.js';
import { enableOwnModule } from '../harness/own-module.js';
import { onBenchSite } from './bench-site.js';
import { median } from './figures.js';

/** Requests of each measurement, and milliseconds that the server takes for one. */
const count = 500;
const delay = 10;

/** How many may be under way; 0: all. */
const limits = [5, 50, 0] as const;

/** Requests by the functions of a module. */
const byModule = (prefix: string): string => `
  $r = array();
  for ($i = 0; $i < $count; $i++) {
    $r[] = ${prefix}_http_request("$base/$i", array('postpone' => TRUE, 'timeout' => 30));
  }
  ${prefix}_http_request_process($r, array('limit' => $limit));
  foreach ($r as $one) {
    $well += $one->code == 200 && $one->data === 'page';
  }`;

/** What fills `$well` with the number of pages that came. */
const ways = {
  'the module': byModule('background_process'),
  drupald: byModule('drupald'),
  'plain curl_multi': `
    $multi = curl_multi_init();
    $next = 0;
    $busy = 0;
    $add = function () use ($multi, $base, &$next, &$busy) {
      $curl = curl_init("$base/$next");
      curl_setopt($curl, CURLOPT_RETURNTRANSFER, TRUE);
      curl_multi_add_handle($multi, $curl);
      $next++;
      $busy++;
    };
    while ($next < $count && (!$limit || $busy < $limit)) {
      $add();
    }
    do {
      curl_multi_exec($multi, $running);
      $landed = FALSE;
      while ($info = curl_multi_info_read($multi)) {
        $landed = TRUE;
        $well += curl_multi_getcontent($info['handle']) === 'page';
        curl_multi_remove_handle($multi, $info['handle']);
        curl_close($info['handle']);
        $busy--;
        if ($next < $count) {
          $add();
        }
      }
      if (!$landed) {
        curl_multi_select($multi, 1);
      }
    } while ($busy);`,
} as const;

/** Everything that one measurement found. */
interface Found {
  /** Seconds. */
  readonly took: number;
  /** Milliseconds of CPU of the PHP process. */
  readonly cpu: number;
  readonly connections: number;
  /** Requests under way, in the mean of the time until the last one came in. */
  readonly flights: number;
}

/** Many requests of one PHP process by the module's functions, by drupald's, and by curl without either. */
export async function requestsBench(rounds: number): Promise<void> {
  await onBenchSite(async ({ site }) => {
    await enableOwnModule(site);
    const pages = await SlowPages.start();
    try {
      for (const limit of limits) {
        const found = new Map<string, Found[]>(Object.keys(ways).map((name) => [name, []]));
        for (let round = 0; round < rounds; round += 1) {
          for (const [name, code] of Object.entries(ways)) {
            found.get(name)?.push(await measure(site, pages, code, limit));
          }
        }
        const of = (name: string, field: keyof Found): number =>
          median((found.get(name) ?? []).map((one) => one[field]));
        for (const name of Object.keys(ways)) {
          console.log(
            `${count} requests of ${delay} ms, limit ${limit === 0 ? 'none' : limit}, ${name}: ${of(name, 'took').toFixed(3)} s, CPU ${of(name, 'cpu').toFixed(0)} ms, ${of(name, 'connections')} connections, ${of(name, 'flights').toFixed(1)} under way`,
          );
        }
        const plain = 'plain curl_multi';
        const over = (field: 'took' | 'cpu'): string => (of('drupald', field) / of(plain, field)).toFixed(2);
        console.log(`  drupald to ${plain}: ${over('took')} × the time, ${over('cpu')} × the CPU`);
      }
    } finally {
      await pages.stop();
    }
  });
}

/** One measurement in a PHP process of its own, which has no connections yet. */
async function measure(site: BootedSite, pages: SlowPages, code: string, limit: number): Promise<Found> {
  const caller = await site.caller();
  try {
    pages.forget();
    const [took, cpu, well] = await caller.php<[number, number, number]>(
      `list($base, $count, $limit) = $args;
       $cpu = function () { $used = getrusage(); return 1e3 * ($used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec']) + 1e-3 * ($used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec']); };
       $well = 0; $before = $cpu(); $began = microtime(TRUE);
       ${code}
       return array(microtime(TRUE) - $began, $cpu() - $before, $well);`,
      [pages.address, count, limit],
    );
    if (well !== count) {
      throw new Error(`Only ${well} of ${count} pages came.`);
    }
    return { took, cpu, connections: pages.connections, flights: pages.flights };
  } finally {
    await caller.close();
  }
}

/** A server whose pages take their time, and that counts who is there. */
class SlowPages {
  readonly #server = createServer((_, response) => {
    this.#count(1);
    this.#came += 1;
    setTimeout(() => {
      this.#count(-1);
      response.end('page');
    }, delay);
  });
  connections = 0;
  #came = 0;
  #now = 0;
  #since = 0;
  #began = 0;
  #area = 0;
  /** Milliseconds until the last request came. */
  #span = 0;

  static async start(): Promise<SlowPages> {
    const pages = new SlowPages();
    pages.#server.on('connection', () => {
      pages.connections += 1;
    });
    await new Promise<void>((resolve) => pages.#server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve));
    return pages;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get flights(): number {
    return this.#area / this.#span;
  }

  forget(): void {
    this.connections = this.#came = this.#area = this.#span = 0;
  }

  #count(by: number): void {
    const at = performance.now();
    if (this.#came === 0 && by > 0) {
      this.#began = at;
    } else if (this.#came < count) {
      this.#area += this.#now * (at - this.#since);
      this.#span = at - this.#began;
    }
    this.#since = at;
    this.#now += by;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
