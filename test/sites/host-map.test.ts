import { describe, expect, it } from 'vitest';

import { HostMap } from '../../src/sites/host-map.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';

const own = ['127.0.0.1:8970', 'localhost:8970'];

function map(...entries: readonly (readonly [uri: string, target: string])[]): HostMap<string> {
  return new HostMap(
    entries.map(([uri, target]) => ({ uri: parseSiteUri(uri), target })),
    own,
  );
}

function found(hosts: HostMap<string>, host: string | undefined, basePath = ''): string | undefined {
  return hosts.find({ host, basePath })?.target;
}

describe('HostMap', () => {
  const two = map(['http://a.example', 'A'], ['http://b.example:8080', 'B']);

  it.each([
    ['a.example', 'A'],
    ['A.EXAMPLE:80', 'A'],
    ['a.example.', 'A'],
    ['a.example:443', 'A'],
    ['b.example:8080', 'B'],
    ['b.example', undefined],
    ['a.example:81', undefined],
    ['xa.example', undefined],
    ['127.0.0.1:8970', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('with two sites %j is %j', (host, target) => {
    expect(found(two, host)).toBe(target);
  });

  it("gives the daemon's own address, and no Host at all, to the only site", () => {
    const one = map(['http://a.example', 'A'], ['https://www.a.example', 'A']);
    expect(found(one, 'LOCALHOST:8970')).toBe('A');
    expect(found(one, undefined)).toBe('A');
    expect(found(one, 'localhost:9999')).toBeUndefined();
    expect(found(one, 'foreign.example')).toBeUndefined();
  });

  it('tells sites of one host apart by their folder', () => {
    const folders = map(['http://a.example', 'top'], ['http://a.example/shop', 'shop']);
    expect(found(folders, 'a.example', '/shop')).toBe('shop');
    expect(found(folders, 'a.example', '')).toBe('top');
    expect(found(folders, 'a.example', '/other')).toBeUndefined();
  });

  it("finds a site whose folder the service host's base_url leaves out", () => {
    expect(found(map(['http://a.example/shop', 'shop']), 'a.example', '')).toBe('shop');
  });

  it('lists base paths, longest first, each once', () => {
    const hosts = map(['http://a.example', '1'], ['http://a.example/a/b', '2'], ['http://b.example/a', '3']);
    expect(map(['http://a.example', '1'], ['http://b.example', '2']).basePaths).toEqual(['']);
    expect(hosts.basePaths).toEqual(['/a/b', '/a', '']);
  });

  it('chooses the address with the scheme that a proxy names, else the first', () => {
    const both = map(['http://a.example', 'A'], ['https://a.example', 'A']);
    const scheme = (forwardedProto?: string): string | undefined =>
      both.find({ host: 'a.example', basePath: '', forwardedProto })?.uri.scheme;
    expect(scheme()).toBe('http');
    expect(scheme('https')).toBe('https');
    expect(scheme('gopher')).toBe('http');
  });

  it("takes a proxy's forwarded host when the Host itself is no site's", () => {
    const target = { host: '10.0.0.1', forwardedHost: 'b.example:8080, inner.example', basePath: '' };
    expect(two.find(target)?.target).toBe('B');
    expect(two.find({ ...target, host: 'a.example' })?.target).toBe('A');
  });

  it('finds the first address of a host for rows without a request', () => {
    expect(two.ofHost('A.Example')?.target).toBe('A');
    expect(two.ofHost('c.example')).toBeUndefined();
  });
});
