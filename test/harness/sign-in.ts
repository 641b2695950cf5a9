/** A browser in which the administrator of a real site is signed in. */
export interface SignedIn {
  /** Asks for a page, follows where it leads, and answers what it shows. */
  get(path: string): Promise<string>;
}

/**
 * Signs the administrator of a real site in, through the site's own form.
 *
 * @param address of its web server
 */
export async function signIn(address: string): Promise<SignedIn> {
  const host = 'site.test';
  const form = await (await fetch(`${address}/user`, { headers: { host } })).text();
  const body = new URLSearchParams({
    name: 'admin',
    pass: 'admin',
    form_id: 'user_login',
    form_build_id: /name="form_build_id" value="([^"]+)"/.exec(form)?.[1] ?? '',
    op: 'Log in',
  });
  const answer = await fetch(`${address}/user`, { method: 'POST', redirect: 'manual', headers: { host }, body });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0];
  if (cookie === undefined) throw new Error(`Nobody was signed in: ${answer.status} ${await answer.text()}`);
  return {
    async get(path) {
      let next = `/${path}`;
      for (let hops = 0; hops < 5; hops += 1) {
        const page = await fetch(`${address}${next}`, { redirect: 'manual', headers: { host, cookie } });
        const text = await page.text();
        const location = page.headers.get('location');
        if (location === null) {
          if (page.status !== 200) throw new Error(`${path}: ${page.status} ${text}`);
          return text;
        }
        const { pathname, search } = new URL(location, address);
        next = pathname + search;
      }
      throw new Error(`${path} leads round in circles`);
    },
  };
}
