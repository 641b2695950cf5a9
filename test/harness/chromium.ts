import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

/** Programs that Debian's package, or another one, brings. */
const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
);

/** Whether there is a browser for tests. */
export const hasChromium = program !== undefined;

/** A person in front of a browser. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
}

/** Registers a browser for a block of tests, in which people look at a site. */
export function prepareChromium(address: () => string): {
  /** Somebody who is nobody yet; each has cookies of their own. */
  person(options?: { readonly javaScript?: boolean }): Promise<Person>;
  /** The administrator, signed in. */
  administrator(options?: { readonly javaScript?: boolean }): Promise<Person>;
} {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: program ?? 'chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
  });

  async function person({ javaScript = true } = {}): Promise<Person> {
    if (browser === undefined) throw new Error('The browser is not open yet.');
    const context = await browser.newContext({ baseURL: address(), javaScriptEnabled: javaScript });
    return { context, page: await context.newPage() };
  }

  return {
    person,
    async administrator(options) {
      const somebody = await person(options);
      await somebody.page.goto('/user');
      await somebody.page.fill('#edit-name', 'admin');
      await somebody.page.fill('#edit-pass', 'admin');
      await somebody.page.click('#edit-submit');
      await somebody.page.waitForSelector('body.logged-in');
      return somebody;
    },
  };
}
