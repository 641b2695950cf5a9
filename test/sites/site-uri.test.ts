import { describe, expect, it } from 'vitest';

import { isError } from '../../src/errors.js';
import { normalizeHost, parseSiteUri } from '../../src/sites/site-uri.js';

describe('parseSiteUri', () => {
  it('reads scheme, host, port and folder', () => {
    expect(parseSiteUri('https://WWW.Example.com/Shop/')).toEqual({
      url: 'https://www.example.com/Shop',
      scheme: 'https',
      hostname: 'www.example.com',
      port: 443,
      host: 'www.example.com',
      basePath: '/Shop',
    });
  });

  it.each([
    ['http://example.com', 'http://example.com', 80, 'example.com', ''],
    ['http://example.com/', 'http://example.com', 80, 'example.com', ''],
    ['example.com', 'http://example.com', 80, 'example.com', ''],
    ['localhost:8080', 'http://localhost:8080', 8080, 'localhost:8080', ''],
    ['http://example.com:80', 'http://example.com', 80, 'example.com', ''],
    ['https://example.com:80', 'https://example.com:80', 80, 'example.com:80', ''],
    ['http://example.com/a/b//', 'http://example.com/a/b', 80, 'example.com', '/a/b'],
    ['http://example.com/index.php', 'http://example.com', 80, 'example.com', ''],
    ['http://example.com/a/index.php', 'http://example.com/a', 80, 'example.com', '/a'],
    ['http://[::1]:81/x', 'http://[::1]:81/x', 81, '[::1]:81', '/x'],
  ])('%s', (text, url, port, host, basePath) => {
    expect(parseSiteUri(text)).toMatchObject({ url, port, host, basePath });
  });

  it.each([
    ['', 'not a URL'],
    ['http://', 'not a URL'],
    ['http://a b/', 'not a URL'],
    ['ftp://example.com', 'scheme is ftp'],
    ['http://user@example.com', 'more than'],
    ['http://user:secret@example.com', 'more than'],
    ['http://example.com/?q=1', 'more than'],
    ['http://example.com/#top', 'more than'],
  ])('refuses %j', (text, reason) => {
    let thrown: unknown;
    try {
      parseSiteUri(text);
    } catch (error) {
      thrown = error;
    }
    expect(isError(thrown, 'URI_INVALID')).toBe(true);
    expect((thrown as Error).message).toContain(reason);
  });
});

describe('normalizeHost', () => {
  it.each([
    ['Example.COM', 'example.com'],
    [' example.com ', 'example.com'],
    ['example.com:80', 'example.com'],
    ['example.com:443', 'example.com'],
    ['example.com:8080', 'example.com:8080'],
    ['example.com.', 'example.com'],
    ['example.com.:8080', 'example.com:8080'],
    ['[::1]:8080', '[::1]:8080'],
    ['[::1]:80', '[::1]'],
  ])('%j is %j', (given, expected) => {
    expect(normalizeHost(given)).toBe(expected);
  });
});
