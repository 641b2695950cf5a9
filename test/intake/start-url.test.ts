import { describe, expect, it } from 'vitest';
import { parseStartUrl } from '../../src/intake/start-url.js';

const TOKEN = '0123456789abcdef0123456789abcdef';

/** PHP's rawurlencode(). */
function rawurlencode(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9_.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

/** What Drupal's url() does to a path: rawurlencode, slashes kept. */
function drupalEncodePath(path: string): string {
  return rawurlencode(path).replaceAll('%2F', '/');
}

function sent(handle: string, token = TOKEN): string {
  return drupalEncodePath(`bgp-start/${rawurlencode(handle)}/${rawurlencode(token)}`);
}

const HANDLES = [
  'abc',
  'uc:node_cron',
  'uc:weird/handle é',
  'a/b c é',
  '100%',
  '100%25',
  '%41',
  'a+b c',
  'a%2Fb',
  '../../etc/passwd',
  'Ωmega/日本語/😀',
  'with"quote\'s&amp;?q=x#y',
  'bgp-start',
  'é'.repeat(255),
  '/leading/and/trailing/',
  ' ',
  'background_batch:12',
];

describe('parseStartUrl', () => {
  it.each(HANDLES)('gives the handle first for what the module sends: %s', (handle) => {
    for (const [before, bases, basePath, prefix] of [
      ['/', [''], '', ''],
      ['/shop/', ['', '/shop'], '/shop', ''],
      ['/da/', ['/'], '', 'da'],
      ['/shop/zh-hans/', ['/shop/'], '/shop', 'zh-hans'],
      ['/index.php/', [''], '', ''],
      ['/index.php/da/', [''], '', 'da'],
      ['http://example.com:8080/shop/', ['/shop'], '/shop', ''],
      ['/?q=', [''], '', ''],
      ['/index.php?q=', [''], '', ''],
      ['/shop/?x=1&q=da/', ['/shop'], '/shop', 'da'],
    ] as const) {
      const url = parseStartUrl(before + sent(handle), bases);
      expect(url, before).not.toBeNull();
      expect({ basePath: url?.basePath, prefix: url?.prefix }).toEqual({ basePath, prefix });
      expect(url?.handles[0]).toBe(handle);
      expect(url?.token).toBe(TOKEN);
    }
  });

  it.each(HANDLES.filter((handle) => !handle.startsWith('/') && !handle.includes('..')))(
    'holds the handle when a front end decoded one layer: %s',
    (handle) => {
      expect(parseStartUrl(`/bgp-start/${rawurlencode(handle)}/${TOKEN}`, [''])?.handles).toContain(handle);
      expect(parseStartUrl(`/?q=bgp-start/${rawurlencode(handle)}/${TOKEN}`, [''])?.handles).toContain(handle);
    },
  );

  it('round-trips handles made by chance', () => {
    let seed = 7;
    const next = (limit: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % limit;
    };
    const letters = Array.from('ab%/ +:.é日😀?&#=25F\\"~');
    for (let round = 0; round < 2000; round += 1) {
      const handle = Array.from({ length: 1 + next(20) }, () => letters[next(letters.length)]).join('');
      // Dots alone are a relative path, which no server passes on.
      if (/^\.\.?$/.test(handle)) continue;
      expect(parseStartUrl(`/${sent(handle)}`, [''])?.handles[0]).toBe(handle);
      expect(parseStartUrl(`/?q=${sent(handle)}`, [''])?.handles[0]).toBe(handle);
    }
  });

  it('takes a handle that was not encoded at all', () => {
    expect(parseStartUrl(`/bgp-start/a/b/c/${TOKEN}`, [''])).toMatchObject({ handles: ['a/b/c'], token: TOKEN });
    expect(parseStartUrl('/bgp-start/a/b/secret', [''])).toMatchObject({ handles: ['a/b'], token: 'secret' });
    expect(parseStartUrl(`/bgp-start/uc:x/${TOKEN}`, [''])?.handles).toEqual(['uc:x']);
  });

  it('reads bytes above 127 as UTF-8, however they arrive', () => {
    const raw = Buffer.from(`/bgp-start/dé/${TOKEN}`, 'utf8').toString('latin1');
    expect(parseStartUrl(raw, [''])?.handles).toEqual(['dé']);
    expect(parseStartUrl(`/bgp-start/日/${TOKEN}`, [''])?.handles).toEqual(['日']);
    expect(parseStartUrl(`/${sent('dé')}`, ['/'])?.handles[0]).toBe('dé');
  });

  it('skips readings that are no text, and refuses when none is left', () => {
    expect(parseStartUrl(`/bgp-start/%25E9/${TOKEN}`, [''])?.handles).toEqual(['%E9', '%25E9']);
    expect(parseStartUrl(`/bgp-start/\u00e9/${TOKEN}`, [''])).toBeNull();
  });

  it('leaves malformed escapes as they are', () => {
    expect(parseStartUrl(`/bgp-start/50%/${TOKEN}`, [''])?.handles).toEqual(['50%']);
    expect(parseStartUrl(`/bgp-start/a%zz%2/${TOKEN}`, [''])?.handles).toEqual(['a%zz%2']);
  });

  it('gives a raw plus both meanings', () => {
    expect(parseStartUrl(`/bgp-start/a+b/${TOKEN}`, [''])?.handles).toEqual(['a+b', 'a b']);
    expect(parseStartUrl(`/?q=bgp-start/a+b/${TOKEN}`, [''])?.handles).toEqual(['a b', 'a+b']);
  });

  it.each(['BGP-START', 'bgp:start', 'bgp%3Astart', 'bgp%3astart', 'Bgp%3AStart', 'bgp%2Dstart'])(
    'knows the route as %s',
    (route) => {
      expect(parseStartUrl(`/${route}/h/${TOKEN}`, [''])).toMatchObject({ handles: ['h'], token: TOKEN });
      expect(parseStartUrl(`/?q=${route}/h/${TOKEN}`, [''])).toMatchObject({ handles: ['h'], token: TOKEN });
    },
  );

  it('forgives doubled and trailing slashes', () => {
    expect(parseStartUrl(`//bgp-start///h//${TOKEN}//`, [''])).toMatchObject({ token: TOKEN });
    expect(parseStartUrl(`//bgp-start///h//${TOKEN}//`, [''])?.handles[0]).toBe('h');
    expect(parseStartUrl(`/shop//da//bgp-start/h/${TOKEN}/`, ['/shop'])).toMatchObject({
      prefix: 'da',
      handles: ['h'],
    });
    expect(parseStartUrl(`/?q=/bgp-start/h/${TOKEN}/`, [''])).toMatchObject({ handles: ['h'] });
  });

  it('decodes a query whose slashes are encoded', () => {
    const query = encodeURIComponent(`bgp-start/${rawurlencode('a/b c')}/${TOKEN}`);
    expect(parseStartUrl(`/?q=${query}`, [''])).toMatchObject({
      handles: expect.arrayContaining(['a/b c']) as string[],
      token: TOKEN,
    });
    expect(parseStartUrl(`/?q=${query}`, [''])?.handles[0]).toBe('a/b c');
  });

  it('takes the last q, as PHP does', () => {
    expect(parseStartUrl(`/?q=node/1&q=bgp-start/h/${TOKEN}`, [''])?.handles).toEqual(['h']);
    expect(parseStartUrl(`/?q=bgp-start/h/${TOKEN}&q=node/1`, [''])).toBeNull();
  });

  it('gives the other readings when segments follow the token', () => {
    const url = parseStartUrl(`/bgp-start/h/${TOKEN}/extra/more`, ['']);
    expect(url).toMatchObject({ handles: ['h'], token: TOKEN });
    expect(url?.tokenCandidates?.map(({ handles, token }) => [handles[0], token])).toEqual([
      [`h/${TOKEN}/extra`, 'more'],
      [`h/${TOKEN}`, 'extra'],
    ]);
    expect(parseStartUrl('/bgp-start/a/b/c', [''])?.tokenCandidates).toEqual([{ handles: ['a'], token: 'b' }]);
    expect(parseStartUrl(`/bgp-start/h/${TOKEN}`, [''])).not.toHaveProperty('tokenCandidates');
  });

  it('bounds the readings of an address with very many segments', () => {
    const url = parseStartUrl(`/bgp-start/${'a/'.repeat(5000)}x`, ['']);
    expect(url?.token).toBe('x');
    expect(url?.tokenCandidates?.length).toBeLessThanOrEqual(8);
  });

  it('gives an empty token when there is none', () => {
    expect(parseStartUrl('/bgp-start/h', [''])).toMatchObject({ handles: ['h'], token: '' });
    expect(parseStartUrl('/bgp-start/h/', [''])).toMatchObject({ handles: ['h'], token: '' });
    expect(parseStartUrl('/bgp-start/h//', [''])).toMatchObject({ handles: ['h'], token: '' });
  });

  it.each([
    '',
    '/',
    '*',
    'example.com:443',
    '/node/1',
    '/bgp-start',
    '/bgp-start/',
    '/bgp-starts/h/t',
    '/da/en/bgp-start/h/t',
    '/x/../bgp-start/h/t',
    '/bgp-start/../h/t',
    '/bgp-start/%2e%2E/t',
    '/other/?q=bgp-start/h/t',
    '/?p=bgp-start/h/t',
    '/?q',
  ])('is null for %j', (target) => {
    expect(parseStartUrl(target, [''])).toBeNull();
  });

  it('needs one of the base paths', () => {
    expect(parseStartUrl(`/bgp-start/h/${TOKEN}`, ['/shop'])).toBeNull();
    expect(parseStartUrl(`/shopping/bgp-start/h/${TOKEN}`, ['/shop'])).toBeNull();
    expect(parseStartUrl(`/a/b/c/bgp-start/h/${TOKEN}`, ['/a', '/a/b/c'])).toMatchObject({
      basePath: '/a/b/c',
      prefix: '',
    });
    expect(parseStartUrl(`/m%C3%BC%20sli/bgp-start/h/${TOKEN}`, ['/mü sli'])).toMatchObject({ basePath: '/mü sli' });
    expect(parseStartUrl(`/m%C3%BC/bgp-start/h/${TOKEN}`, ['/m%C3%BC'])).toMatchObject({ basePath: '/m%C3%BC' });
  });
});
