import type { BootedSite } from './booted-site.js';
import { waitFor } from './wait.js';

/** What a page answered. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Path and query to which it leads. */
  readonly location: string | undefined;
}

/** One answer to a page of a batch that asks how far it is. */
export interface Poll {
  /** As the page shows it, such as "12.34". */
  readonly percentage: string;
  readonly message: string;
}

/** A set of the fixture. */
export interface FixtureSet {
  readonly label: string;
  readonly operations: readonly (readonly [number: number, mood?: string])[];
  /** So many more, all in one mood. */
  readonly count?: number;
  readonly mood?: string;
  readonly file?: string;
  readonly function?: string;
  readonly finished?: string;
  readonly form_submit?: string;
}

/** A browser of the administrator on the pages of batches, with JavaScript or without. */
export class BatchBrowser {
  readonly #address: string;
  readonly #site: BootedSite;
  #cookie = '';
  /** Stands before the paths of the pages of batches, such as "de/". */
  prefix = '';

  private constructor(address: string, site: BootedSite) {
    this.#address = address;
    this.#site = site;
  }

  /** Signs in. */
  static async signIn(address: string, site: BootedSite): Promise<BatchBrowser> {
    const browser = new BatchBrowser(address, site);
    const form = await browser.ask('user');
    const body = new URLSearchParams({
      name: 'admin',
      pass: 'admin',
      form_id: 'user_login',
      form_build_id: /name="form_build_id" value="([^"]+)"/.exec(form.text)?.[1] ?? '',
      op: 'Log in',
    });
    await browser.ask('user', { method: 'POST', body });
    if (browser.#cookie === '') throw new Error('Nobody was signed in.');
    return browser;
  }

  /** Makes a batch of the administrator. */
  make(sets: readonly FixtureSet[]): Promise<number> {
    return this.#site.php<number>('return drupald_fixture_make_batch(1, $args);', sets);
  }

  /** Begins a batch in its own session, as a form of the site does. */
  async begin(sets: readonly FixtureSet[]): Promise<number> {
    const answer = await this.ask(
      `${this.prefix}drupald-fixture/batch?sets=${encodeURIComponent(JSON.stringify(sets))}`,
    );
    const id = new URL(answer.location ?? '', this.#address).searchParams.get('id');
    if (id === null) throw new Error(`No batch was begun: ${answer.status} ${answer.text}`);
    return Number(id);
  }

  async ask(path: string, init: RequestInit & { js?: boolean } = {}): Promise<Answer> {
    const { js = false, ...rest } = init;
    const cookie = [this.#cookie, ...(js ? ['has_js=1'] : [])].join('; ');
    const page = await fetch(`${this.#address}/${path}`, {
      ...rest,
      redirect: 'manual',
      headers: { host: 'site.test', cookie },
    });
    const session = page.headers.getSetCookie().find((one) => one.startsWith('SESS') && !one.includes('=deleted'));
    this.#cookie = session?.split(';')[0] ?? this.#cookie;
    const location = page.headers.get('location');
    const url = location === null ? undefined : new URL(location, this.#address);
    return { status: page.status, text: await page.text(), location: url && url.pathname + url.search };
  }

  /** Opens the page of a batch, which has it begun. */
  start(id: number, js = true): Promise<Answer> {
    return this.ask(`${this.prefix}batch?op=start&id=${id}`, { js });
  }

  /** Asks how far it is, as the page does. */
  async poll(id: number): Promise<Poll> {
    const answer = await this.ask(`${this.prefix}batch?id=${id}&op=do`, { method: 'POST', js: true, body: '' });
    return JSON.parse(answer.text) as Poll;
  }

  /** Asks until a poll satisfies; all that it was told. */
  async pollUntil(id: number, enough: (poll: Poll) => boolean, what = `batch ${id} to come so far`): Promise<Poll[]> {
    const polls: Poll[] = [];
    await waitFor(
      async () => {
        const poll = await this.poll(id);
        if (poll.percentage !== polls.at(-1)?.percentage || poll.message !== polls.at(-1)?.message) polls.push(poll);
        return enough(poll);
      },
      { what, seen: () => Promise.resolve(polls.slice(-5)) },
    );
    return polls;
  }

  /** Polls to the end, and opens the page of the end as the page does; the page to which that leads. */
  async toEnd(id: number): Promise<{ readonly polls: readonly Poll[]; readonly page: string }> {
    const polls = await this.pollUntil(id, ({ percentage }) => Number(percentage) === 100, `batch ${id} to end`);
    return { polls, page: await this.finish(id) };
  }

  /** Opens the page of the end, and the one to which it leads. */
  async finish(id: number): Promise<string> {
    let answer = await this.ask(`${this.prefix}batch?id=${id}&op=finished`, { js: true });
    for (let hops = 0; hops < 4 && answer.location !== undefined; hops += 1) {
      answer = await this.ask(answer.location.replace(/^\//, ''), { js: true });
    }
    if (answer.status !== 200) throw new Error(`The end of batch ${id}: ${answer.status} ${answer.text}`);
    return answer.text;
  }
}
