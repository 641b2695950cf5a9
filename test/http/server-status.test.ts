import { describe, expect, it } from 'vitest';

import { StatusBoard } from '../../src/http/status-board.js';
import { readAutoStatus, readStatusPage } from '../../src/liveness/status-page.js';
import { RunRecord } from '../../src/scheduler/run-record.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import { startRequestOf } from '../../src/sites/service-hosts.js';
import { withoutToken } from '../../src/sites/request.js';
import { fakeDispatch, fakeSite } from '../scheduler/dispatches.js';

const token = '0123456789abcdef0123456789abcdef';
const site = fakeSite('http://site.test', {
  isOpen: true,
  facts: { cleanUrls: true, serviceHosts: { www1: { baseUrl: 'http://a:b@10.0.0.1:8970/shop', httpHost: '' } } },
});

function board(
  runs: readonly RunRecord[],
  idle = 3,
  sites: readonly Pick<ServedSite, 'isOpen'>[] = [site],
): StatusBoard {
  const made = new StatusBoard('1.2.3', ['10.0.0.0/8']);
  made.show({ scheduler: { running: runs, idle, waiting: 7 }, sites });
  return made;
}

function ask(from: StatusBoard, url: string, peer = '127.0.0.1'): string | undefined {
  return from.answer({ url, headers: { host: 'status.test' }, peer, peerPort: 1, method: 'GET' })?.text;
}

function record(handle: string, changes: Parameters<typeof fakeDispatch>[2]): RunRecord {
  return new RunRecord(fakeDispatch(site, handle, { token, ...changes }));
}

describe('the server status', () => {
  const asked = { host: 'Site.Test:80', target: '/da/bgp-start/a%252Fb/' };
  const context = { remote: '10.1.1.1', remotePort: 0, headers: {}, prefix: 'da' };
  const runs = [
    record('a/b', { asked, context }),
    record('<b>&"', { serviceHost: 'www1' }),
    record('odd', { asked: { host: 'x<y>', target: '/bgp-start/\u00e9\\"/' } }),
  ];

  it('is read by the reader of Apache’s own pages, line by line', () => {
    const page = readStatusPage(ask(board(runs), '/server-status?mark') ?? '', 'mark');
    expect(page).toMatchObject({ kind: 'page', mpm: 'drupald', generation: 0, connectionsFirst: true });
    expect(page.kind === 'page' && page.connections).toEqual([
      { state: 'W', vhost: 'Site.Test:80', request: 'POST /da/bgp-start/a%252Fb/ HTTP/1.0' },
      // As the module's sweep looks for it where cron runs without a language.
      { state: 'W', vhost: 'Site.Test:80', request: 'POST /bgp-start/a%252Fb/ HTTP/1.0' },
      { state: 'W', vhost: '10.0.0.1:8970', request: 'POST /shop/bgp-start/%253Cb%253E%2526%2522/ HTTP/1.0' },
      { state: 'W', vhost: 'x<y>', request: 'POST /bgp-start/\u00e9\\"/ HTTP/1.0' },
      { state: 'W', vhost: 'status.test', request: 'GET /server-status?mark HTTP/1.1' },
    ]);
  });

  it('has the first table and the second list that the module takes, and no token', () => {
    const text = ask(board(runs), '/server-status') ?? '';
    const [table = ''] = /<table.*?<\/table>/s.exec(text) ?? [];
    expect([...table.matchAll(/<th>(.*?)<\/th>/g)].map(([, name]) => name).join(' ')).toBe(
      'Srv PID Acc M CPU SS Req Dur Conn Child Slot Client Protocol VHost Request',
    );
    const lists = [...text.matchAll(/<dl>.*?<\/dl>/gs)].map(([list]) => list);
    expect(lists[1]).toMatch(/<dt>Restart Time: [A-Z][a-z]+day, \d\d-[A-Z][a-z][a-z]-\d{4} \d\d:\d\d:\d\d UTC<\/dt>/);
    expect(text).not.toContain(token);
    expect(text).not.toContain('x<y>');
  });

  it('tells the free slots to a balancer, and none when no site can run', () => {
    const auto = ask(board(runs), '/server-status/?auto=1') ?? '';
    expect(readAutoStatus(auto)).toMatchObject({ idleWorkers: 3 });
    expect(auto).toContain('\nWaitingProcesses: 7\n');
    expect(auto).toContain('\nBusyWorkers: 3\n');
    expect(auto).toContain('\nScoreboard: WWW___\n');
    expect(readAutoStatus(ask(board(runs, 3, [{ isOpen: false }]), '/server-status?auto') ?? '')).toMatchObject({
      idleWorkers: 0,
    });
  });

  it('answers before there are sites, with one line', () => {
    const page = readStatusPage(ask(new StatusBoard('1', []), '/server-status?m1') ?? '', 'm1');
    expect(page.kind === 'page' && page.connections).toHaveLength(1);
  });

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:10.2.3.4', true],
    ['192.168.1.1', false],
  ])('is shown to %s: %s', (peer, shown) => {
    expect(ask(board([]), '/server-status', peer) !== undefined).toBe(shown);
  });
});

describe('the address of a start without its token', () => {
  it.each([
    [`/bgp-start/x/${token}`, '/bgp-start/x/'],
    [`/?q=bgp-start/x/${token}&a=b`, '/?q=bgp-start/x/'],
    [`/bgp-start/${token}x/${token}`, undefined],
    ['/bgp-start/x/other', undefined],
  ])('%s', (url, target) => {
    expect(withoutToken(url, token)).toBe(target);
  });

  it('follows the service host where no request is known', () => {
    const hosts = { default: { baseUrl: 'https://[::1]:8970', httpHost: 'named.test' } };
    expect(startRequestOf({ serviceHosts: hosts, cleanUrls: false }, 'gone', 'a b')).toEqual({
      host: 'named.test',
      target: '/?q=bgp-start/a%2520b/',
    });
  });
});
