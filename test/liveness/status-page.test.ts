import { describe, expect, test } from 'vitest';
import { readAutoStatus, readStatusPage } from '../../src/liveness/status-page.js';
import { MARK, statusPage, statusText, verdictOf } from '../harness/status-pages.js';

describe('a server-status page', () => {
  test.each([
    ['prefork-busy.html', { mpm: 'prefork', generation: 0, uptime: 40, connectionsFirst: true }, 'WWWWW'],
    ['prefork-reading.html', { mpm: 'prefork', generation: 0, uptime: 42, connectionsFirst: true }, 'WWWWRW'],
    ['prefork-graceful.html', { mpm: 'prefork', generation: 1, uptime: 44, connectionsFirst: true }, 'GGGG_W'],
    ['worker-busy.html', { mpm: 'worker', generation: 0, uptime: 40, connectionsFirst: true }, 'WWWWW'],
    ['event-busy.html', { mpm: 'event', generation: 0, uptime: 40, connectionsFirst: false }, 'WWWWW'],
    ['event-graceful.html', { mpm: 'event', generation: 1, uptime: 43, connectionsFirst: false }, 'GGGG_W_'],
    ['apache-2.2-busy-written.html', { mpm: undefined, generation: 0, uptime: 4350, connectionsFirst: true }, 'WWW_.'],
  ])('%s is read by its own headings', (name, facts, states) => {
    const page = statusPage(name);
    expect(page).toMatchObject({ kind: 'page', ...facts });
    const connections = page.kind === 'page' ? (page.connections ?? []) : [];
    expect(connections.map(({ state }) => state).join('')).toBe(states);
    expect(connections.some(({ request }) => request === `GET /server-status?${MARK} HTTP/1.1`)).toBe(true);
    expect(connections.every(({ vhost }) => /^(www\.example\.com(:\d+)?)?$/.test(vhost))).toBe(true);
  });

  test('entities and the escapes of log lines are taken back, byte by byte', () => {
    const page = statusPage('apache-2.2-busy-written.html');
    expect(page.kind === 'page' && page.connections?.at(-1)?.request).toBe('GET /node/1?a=1&b=Ã© HTTP/1.0');
  });

  test.each(['prefork-extended-off.html', 'prefork-notable.html'])('%s lists no requests', (name) => {
    expect(statusPage(name)).toMatchObject({ kind: 'page', mpm: 'prefork', connections: undefined });
  });

  test.each([
    ['foreign-nginx-written.html', 'it is not a page of Apache'],
    ['foreign-lighttpd-written.html', 'it is not a server-status page of Apache'],
    ['foreign-login-written.html', 'it is not a server-status page of Apache'],
    ['event-busy.txt', 'it is the short page (?auto), 3 idle workers, up for 40 s'],
  ])('%s tells nothing, with the reason', (name, reason) => {
    expect(statusPage(name)).toEqual({ kind: 'none', reason });
  });

  test('a page that does not list the request for it is not of this moment', () => {
    const reason = 'it does not list the very request that asked for it, so it is not of this moment';
    expect(readStatusPage(statusText('prefork-idle.html'), 'drupald=77ab')).toEqual({ kind: 'none', reason });
  });

  test('lines that do not fit the headings make the page unknown', () => {
    const text = statusText('prefork-idle.html');
    const reason = 'its table of connections is not understood';
    expect(readStatusPage(text.replace('<td>127.0.0.1</td>', ''), MARK)).toEqual({ kind: 'none', reason });
    const heading = text.replace('<td><b>0-0</b></td>', '<th><b>0-0</b></th><td></td>');
    expect(readStatusPage(heading, MARK)).toEqual({ kind: 'none', reason });
  });

  test('?auto tells idle workers and the time since the start', () => {
    expect(readAutoStatus(statusText('prefork-extended-off.txt'))).toEqual({ idleWorkers: 0, uptime: 39 });
    expect(readAutoStatus('Scoreboard: W___')).toBeUndefined();
  });
});

describe('a damaged page', () => {
  // Of all pages, and of a process that none of them carries: the whole prefork pages do say "gone".
  const names = ['prefork-idle.html', 'prefork-busy.html', 'prefork-graceful.html', 'prefork-restarted.html'];

  test.each(names)('%s: no cut makes a process gone', (name) => {
    const text = statusText(name);
    expect(verdictOf('nowhere', name).verdict).toBe('gone');
    const end = text.indexOf('</html>') + '</html>'.length - 1;
    const wrong = Array.from({ length: end + 1 }, (_, length) => length).filter(
      (length) => verdictOf('nowhere', readStatusPage(text.slice(0, length), MARK)).verdict !== 'unknown',
    );
    expect(wrong).toEqual([]);
  });

  test.each(names)('%s: no line of a table that is torn in two makes a process gone', (name) => {
    const text = statusText(name);
    const tags = [...text.matchAll(/<\/?(table|tr|td|th)\b[^>]*>/g)].filter(({ index }) => {
      const before = text.indexOf('<table border="0">');
      return index >= before && index < text.indexOf('</table>', before) + 8;
    });
    expect(tags.length).toBeGreaterThan(30);
    for (const { 0: tag, index } of tags) {
      const torn = readStatusPage(text.slice(0, index) + text.slice(index + tag.length), MARK);
      // A browser, too, closes cells and lines by itself: then every line must still be there.
      if (torn.kind === 'page' && torn.connections) {
        expect(torn.connections).toEqual(whole(name));
      }
    }
  });

  function whole(name: string): unknown {
    const page = statusPage(name);
    return page.kind === 'page' ? page.connections : undefined;
  }
});
