import { describe, expect, it } from 'vitest';

import {
  filterHeaders,
  publicStartPath,
  rawurlencode,
  serverPath,
  serverVariables,
  startPath,
  type StartContext,
} from '../../src/sites/request.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';

const plain: StartContext = { remote: '192.0.2.7', remotePort: 4242, headers: {}, prefix: '' };

describe('filterHeaders', () => {
  const headers = {
    host: 'www.example.com',
    'accept-language': 'da',
    'user-agent': 'Module',
    'x-forwarded-for': '198.51.100.1',
    'x-forwarded-proto': 'https',
    'x-real-ip': '198.51.100.1',
    cookie: 'SESS=1',
    authorization: 'Basic x',
    'proxy-authorization': 'Basic y',
    'x-secret': 'z',
    'content-length': '0',
    proxy: 'http://evil.example',
  };

  it('keeps language, agent and forwarding headers of a trusted peer, nothing else', () => {
    expect(filterHeaders(headers, true)).toEqual({
      'accept-language': 'da',
      'user-agent': 'Module',
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-proto': 'https',
      'x-real-ip': '198.51.100.1',
    });
  });

  it('keeps nothing of any other peer', () => {
    expect(filterHeaders(headers, false)).toEqual({});
  });

  it('joins repeated headers and leaves missing ones out', () => {
    expect(filterHeaders({ 'x-forwarded-for': ['a', 'b'], 'user-agent': undefined }, true)).toEqual({
      'x-forwarded-for': 'a, b',
    });
  });
});

describe('rawurlencode', () => {
  it.each([
    ['abc-_.~09', 'abc-_.~09'],
    ["a b!'()*", 'a%20b%21%27%28%29%2A'],
    ['a/b%é', 'a%2Fb%25%C3%A9'],
    ['😀', '%F0%9F%98%80'],
  ])('%j is %j', (given, expected) => {
    expect(rawurlencode(given)).toBe(expected);
  });
});

describe('start paths', () => {
  it('encodes the handle once for $_GET[q]', () => {
    expect(startPath('', 'a/b c', 'tok')).toBe('bgp-start/a%2Fb%20c/tok');
    expect(startPath('da', 'x', 'tok')).toBe('da/bgp-start/x/tok');
  });

  it('encodes it twice where the address is shown, and leaves the token out', () => {
    expect(publicStartPath('', 'a/b')).toBe('bgp-start/a%252Fb');
    expect(publicStartPath('da', 'x')).toBe('da/bgp-start/x');
  });
});

describe('serverVariables', () => {
  const uri = parseSiteUri('https://www.example.com/shop');

  it("takes scheme, host, port and folder from the site's address", () => {
    expect(serverVariables(uri, '/var/www/shop', 'bgp-start/x', plain, {})).toMatchObject({
      HTTP_HOST: 'www.example.com',
      SERVER_NAME: 'www.example.com',
      SERVER_PORT: '443',
      HTTPS: 'on',
      REQUEST_SCHEME: 'https',
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '/shop/index.php',
      PHP_SELF: '/shop/index.php',
      REQUEST_URI: '/shop/bgp-start/x',
      SCRIPT_FILENAME: '/var/www/shop/index.php',
      DOCUMENT_ROOT: '/var/www',
      REMOTE_ADDR: '192.0.2.7',
      REMOTE_PORT: '4242',
      PATH: serverPath,
    });
  });

  it('names the root as document root where the folder is an alias', () => {
    expect(serverVariables(uri, '/srv/drupal', 'x', plain, {})['DOCUMENT_ROOT']).toBe('/srv/drupal');
    expect(serverVariables(parseSiteUri('http://a.example'), '/srv/drupal', 'x', plain, {})).toMatchObject({
      DOCUMENT_ROOT: '/srv/drupal',
      SCRIPT_NAME: '/index.php',
    });
  });

  it('has no HTTPS for http, and the port of the address', () => {
    const server = serverVariables(parseSiteUri('http://a.example:8080'), '/r', 'x', plain, {});
    expect(server).not.toHaveProperty('HTTPS');
    expect(server).toMatchObject({ SERVER_PORT: '8080', HTTP_HOST: 'a.example:8080', SERVER_NAME: 'a.example' });
  });

  it('shows the headers that passed the filter, but never lets them replace the Host', () => {
    const context = { ...plain, headers: { 'accept-language': 'da', 'x-forwarded-proto': 'http' } };
    const server = serverVariables(uri, '/r', 'x', context, {});
    expect(server).toMatchObject({ HTTP_ACCEPT_LANGUAGE: 'da', HTTP_X_FORWARDED_PROTO: 'http', HTTPS: 'on' });
  });

  it("lets the site's environment correct everything", () => {
    const env = { SERVER_SOFTWARE: 'nginx', APP_ENV: 'production' };
    expect(serverVariables(uri, '/r', 'x', plain, env)).toMatchObject(env);
  });
});
