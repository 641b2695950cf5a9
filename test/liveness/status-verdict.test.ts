import { describe, expect, test } from 'vitest';
import { moduleVerdict } from '../../src/liveness/module-rule.js';
import type { StatusConnection, StatusPage } from '../../src/liveness/status-page.js';
import { READ_AT, statusPage, tokenOf, verdictOf, WWW } from '../harness/status-pages.js';

const HANDLES = ['import', 'uc:node_cron', 'a<&b', 'feeds import of the whole catalogue 1'];

/** A prefork page with these connections. */
function pageOf(...connections: Partial<StatusConnection>[]): StatusPage {
  const rest = { state: 'W', vhost: 'www.example.com:80', request: '' };
  return {
    kind: 'page',
    connections: connections.map((connection) => ({ ...rest, ...connection })),
    mpm: 'prefork',
    generation: 0,
    uptime: 10_000,
    connectionsFirst: true,
  };
}

/** What Apache shows of a request line. */
function shown(line: string): string {
  return Buffer.from(line).toString('latin1').slice(0, 63);
}

describe('a process that runs', () => {
  test.each(['prefork', 'worker', 'event'].flatMap((mpm) => [`${mpm}-busy.html`, `${mpm}-graceful.html`]))(
    'is alive on %s',
    (name) => {
      for (const handle of HANDLES) {
        expect([handle, verdictOf(handle, name).verdict]).toEqual([handle, 'alive']);
      }
    },
  );

  test('is alive on a page of Apache 2.2, one that has ended there is not', () => {
    expect(verdictOf('import', 'apache-2.2-busy-written.html').verdict).toBe('alive');
    expect(verdictOf('a<&b', 'apache-2.2-busy-written.html').verdict).toBe('alive');
    expect(verdictOf('ended', 'apache-2.2-busy-written.html').verdict).toBe('unknown');
  });

  test('is alive where Apache shows the end of requests', () => {
    expect(verdictOf('import', 'prefork-request-tail.html').verdict).toBe('alive');
    expect(verdictOf('feeds import of the whole catalogue 1', 'prefork-request-tail.html').verdict).toBe('alive');
    expect(verdictOf('feeds import of the whole catalogue 2', 'prefork-request-tail.html').verdict).toBe('gone');
  });

  test('is alive as long as the cut cannot tell it from another', () => {
    expect(verdictOf('feeds import of the whole catalogue 2', 'prefork-busy.html')).toEqual({
      verdict: 'alive',
      evidence: 'A connection in state W to www.example.com:18911 may carry it, as far as the cut request shows.',
    });
  });

  test.each(['W', 'K', 'C', 'L', 'G', 'D', 'S', 'I', '?STATE?'])('is alive in state %s', (state) => {
    const request = shown(`POST /bgp-start/import/${tokenOf('import')} HTTP/1.0`);
    expect(verdictOf('import', pageOf({ state, request })).verdict).toBe('alive');
  });

  test.each(['_', '.', 'R'])('is not carried by a line in state %s', (state) => {
    const request = shown(`POST /bgp-start/import/${tokenOf('import')} HTTP/1.0`);
    expect(verdictOf('import', pageOf({ state, request })).verdict).toBe('gone');
  });

  const token = tokenOf('a/b é');
  test.each([
    ['as the module sends it', 'POST /bgp-start/a%252Fb%2520%25C3%25A9/'],
    ['decoded once', 'POST /bgp-start/a%2Fb%20%c3%a9/'],
    ['decoded twice', 'POST /bgp-start/a/b é/'],
    ['with a language', 'POST /pt-br/bgp-start/a%252Fb%2520%25C3%25A9/'],
    ['without clean URLs', 'POST /?q=bgp-start/a%252Fb%2520%25C3%25A9/'],
    ['by index.php', 'POST /index.php?q=bgp-start/a%252Fb%2520%25C3%25A9/'],
  ])('is alive when its name arrives %s', (_, line) => {
    expect(verdictOf('a/b é', pageOf({ request: shown(`${line}${token} HTTP/1.0`) })).verdict).toBe('alive');
  });

  test('is alive under every name of its server', () => {
    const request = shown(`POST /bgp-start/import/${tokenOf('import')} HTTP/1.0`);
    for (const vhost of ['www.example.com', 'www.example.com:80', 'alias.example.com', '']) {
      expect(verdictOf('import', pageOf({ vhost, request })).verdict).toBe('alive');
    }
  });

  test('is alive in a site that is a folder, and in no other folder', () => {
    const request = shown(`POST /drupal/bgp-start/import/${tokenOf('import')} HTTP/1.0`);
    const host = { baseUrl: 'http://127.0.0.1:18911/drupal' };
    expect(verdictOf('import', pageOf({ request }), { host }).verdict).toBe('alive');
    const other = shown('POST /drupal/bgp-start/import/');
    expect(
      verdictOf('import', pageOf({ request: other }), { host: { baseUrl: 'http://127.0.0.1:18911/x' } }).verdict,
    ).toBe('gone');
  });

  test('is alive when the cut comes before its name', () => {
    const baseUrl = `http://127.0.0.1:18911/${'deep/'.repeat(12)}site`;
    const request = shown(`POST /${'deep/'.repeat(12)}site/bgp-start/import/x`);
    expect(verdictOf('import', pageOf({ request }), { host: { baseUrl } }).verdict).toBe('alive');
  });
});

describe('a process that no connection carries', () => {
  test('is gone on a complete page of prefork', () => {
    expect(verdictOf('nowhere', 'prefork-idle.html')).toEqual({
      verdict: 'gone',
      evidence:
        'None of the connections on the complete status page carries it. Apache was started anew after it began.',
    });
    const { evidence } = verdictOf('nowhere', 'prefork-graceful.html');
    expect(evidence).toContain('restarted gracefully after it began');
    expect(verdictOf('nowhere', 'prefork-graceful.html', { ageSeconds: 5 }).evidence).not.toContain('restarted');
  });

  test('is gone also while requests are being read', () => {
    const { verdict, evidence } = verdictOf('nowhere', 'prefork-reading.html');
    expect(verdict).toBe('gone');
    expect(evidence).toContain('Those in state R (1) are none of it: its request was read before it was claimed.');
  });

  test('is unknown beside threads: a living one may be missing there', () => {
    // "import" was running when this page was recorded.
    expect(verdictOf('import', 'worker-overwritten.html').verdict).toBe('unknown');
    expect(verdictOf('nowhere', 'event-idle.html')).toEqual({
      verdict: 'unknown',
      evidence:
        'No connection carries it, but PHP runs outside an Apache with MPM event and may outlive its connection.',
    });
  });

  test.each([
    'prefork-extended-off.html',
    'prefork-notable.html',
    'event-busy.txt',
    'foreign-nginx-written.html',
    'foreign-lighttpd-written.html',
    'foreign-login-written.html',
  ])('is unknown on %s', (name) => {
    expect(verdictOf('nowhere', name).verdict).toBe('unknown');
  });

  test('is unknown on a page that was read before its claim', () => {
    expect(verdictOf('nowhere', 'prefork-idle.html', { ageSeconds: 0 }).verdict).toBe('unknown');
  });

  test('is unknown on the page of a machine that shows nothing of its server', () => {
    const host = { baseUrl: 'http://10.0.0.5', httpHost: 'other.example.com' };
    expect(verdictOf('nowhere', 'prefork-idle.html', { host }).verdict).toBe('unknown');
    expect(verdictOf('nowhere', 'prefork-idle.html', { host: { baseUrl: 'http://10.0.0.5' } }).verdict).toBe('gone');
  });

  test('is not taken for another start of its name: another site, or an earlier one', () => {
    const request = shown(`POST /bgp-start/import/${tokenOf('other')} HTTP/1.0`);
    expect(verdictOf('import', pageOf({ request })).verdict).toBe('gone');
  });

  test('is not taken for one whose name begins with its own', () => {
    const request = shown(`POST /bgp-start/import-all/${tokenOf('import-all')} HTTP/1.0`);
    expect(verdictOf('import', pageOf({ request })).verdict).toBe('gone');
    const page = shown('GET /bgp-start/import/ HTTP/1.0');
    expect(verdictOf('import', pageOf({ request: page })).verdict).toBe('gone');
  });
});

test('no evidence holds a token', () => {
  for (const name of ['prefork-busy.html', 'prefork-graceful.html', 'worker-busy.html', 'prefork-idle.html']) {
    for (const handle of [...HANDLES, 'nowhere']) {
      expect(verdictOf(handle, name).evidence).not.toMatch(/[0-9a-f]{12}/);
    }
  }
});

describe('the module’s own rule', () => {
  const rule = (handle: string, name: string, httpHost = WWW.httpHost): string => {
    const page = statusPage(name);
    const run = { handle, token: tokenOf(handle), startedAt: READ_AT - 600 };
    return page.kind === 'page' ? moduleVerdict(run, { ...WWW, httpHost }, page) : 'none';
  };

  test('takes living processes for gone, because VHost has a port', () => {
    expect(rule('import', 'prefork-busy.html')).toBe('gone');
    expect(rule('import', 'prefork-busy.html', 'www.example.com:18911')).toBe('alive');
    expect(rule('import', 'apache-2.2-busy-written.html')).toBe('alive');
  });

  test('finds nothing with MPM event, stops at R, passes over long names', () => {
    expect(rule('import', 'event-busy.html', 'www.example.com:18913')).toBe('gone');
    expect(rule('nowhere', 'prefork-reading.html')).toBe('alive');
    expect(rule('feeds import of the whole catalogue 1', 'prefork-busy.html')).toBe('unknown');
    expect(rule('import', 'prefork-extended-off.html')).toBe('unknown');
  });
});
