import { hostname, networkInterfaces } from 'node:os';

import { describe, expect, it } from 'vitest';

import { ownAddresses, servedHosts, statusPageOf } from '../../src/sites/service-hosts.js';

const listen = { host: '127.0.0.1', port: 8970 };

const host = (baseUrl: string): { baseUrl: string; httpHost: string } => ({ baseUrl, httpHost: '' });

describe('ownAddresses', () => {
  it('names this machine with the port, IPv6 in brackets, lower case', () => {
    expect(ownAddresses({ host: 'Example', port: 81 }).sort()).toEqual(
      [...new Set(['example:81', 'localhost:81', '127.0.0.1:81', '[::1]:81', `${hostname().toLowerCase()}:81`])].sort(),
    );
  });

  it.each(['0.0.0.0', '::'])('names every address of the machine when it listens on %s', (all) => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const own = ownAddresses({ host: all, port: 81 });
    for (const { address, family } of addresses) {
      expect(own).toContain(family === 'IPv6' ? `[${address.toLowerCase()}]:81` : `${address}:81`);
    }
  });
});

describe('servedHosts', () => {
  const hosts = {
    default: host('http://127.0.0.1:8970'),
    folder: host('http://localhost:8970/shop/'),
    v6: host('http://[::1]:8970'),
    port: host('http://127.0.0.1:80'),
    web: host('http://www.example.com'),
    secure: host('https://127.0.0.1'),
    broken: host('not a url'),
    empty: host(''),
  };

  it('serves those whose base_url is the listener', () => {
    expect(servedHosts(hosts, listen, undefined)).toEqual(['default', 'folder', 'v6']);
  });

  it('does not serve the twin that names the status page of one', () => {
    const twin = host('http://127.0.0.1:8970/server-status');
    expect(
      servedHosts({ www1: host('http://127.0.0.1:8970'), www1_ass: twin, own_ass: twin }, listen, undefined),
    ).toEqual(['www1', 'own_ass']);
  });

  it("takes the scheme's own port where the base_url names none", () => {
    expect(servedHosts(hosts, { ...listen, port: 443 }, undefined)).toEqual(['secure']);
    expect(servedHosts(hosts, { ...listen, port: 80 }, undefined)).toEqual(['port']);
  });

  it('serves exactly those that are named, known or not', () => {
    expect(servedHosts(hosts, listen, ['web', 'later'])).toEqual(['web', 'later']);
    expect(servedHosts(hosts, listen, [])).toEqual([]);
  });
});

describe('statusPageOf', () => {
  const page = (www: string, twin: string): unknown =>
    statusPageOf({ www: host(www), www_ass: { baseUrl: twin, httpHost: 'status.test' } }, 'www');

  it('is the twin, with the user of the service host on the same server', () => {
    expect(page('http://a:b@web.test/site', 'http://web.test/server-status')).toEqual({
      url: 'http://a:b@web.test/server-status',
      httpHost: 'status.test',
    });
    expect(page('http://a:b@web.test', 'http://c:d@web.test/s')).toMatchObject({ url: 'http://c:d@web.test/s' });
  });

  it('tells no other server the password', () => {
    expect(page('http://a:b@web.test', 'http://other.test/s')).toMatchObject({ url: 'http://other.test/s' });
    expect(page('http://a:b@web.test', 'http://web.test:81/s')).toMatchObject({ url: 'http://web.test:81/s' });
  });

  it('is not there without a twin, or without addresses', () => {
    expect(statusPageOf({ www: host('http://web.test') }, 'www')).toBeUndefined();
    expect(page('http://web.test', 'not a url')).toBeUndefined();
    expect(page('', 'http://web.test')).toBeUndefined();
  });
});
