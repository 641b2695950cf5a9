import { readFileSync } from 'node:fs';
import { loadPHPRuntime, PHP } from '@php-wasm/universal';
import { getPHPLoaderModule as loader72 } from '@php-wasm/node-7-2';
import { getPHPLoaderModule as loader84 } from '@php-wasm/node-8-4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MODULE = new URL('../php-shim/module/', import.meta.url).pathname;

/** What the module uses of Drupal where no request is made. */
const DRUPAL = `<?php
  define('WATCHDOG_ERROR', 3);
  function variable_get($name, $default = NULL) { return $default; }
  function watchdog($type, $message) { $GLOBALS['said'][] = $message; }`;

describe.each([
  ['7.2', loader72],
  ['8.4', loader84],
])("requests of drupald's module on PHP %s", (_, loader) => {
  let php: PHP;

  async function start(): Promise<PHP> {
    const php = new PHP(await loadPHPRuntime(await loader(), {}));
    for (const name of ['drupald.module', 'drupald.requests.inc', 'drupald.addresses.inc']) {
      php.writeFile(`/${name}`, readFileSync(MODULE + name));
    }
    php.writeFile('/drupal.php', DRUPAL);
    return php;
  }

  beforeAll(async () => {
    php = await start();
  });

  afterAll(() => {
    php.exit();
  });

  /** Runs PHP code that ends with a `return`, with every notice turned into an exception. */
  async function value(code: string, by = php): Promise<unknown> {
    const { text } = await by.run({
      code: `<?php error_reporting(E_ALL); set_error_handler(function ($n, $m, $f, $l) { if (error_reporting() & $n) { throw new ErrorException($m, 0, $n, $f, $l); } });
        require_once '/drupal.php'; require_once '/drupald.module'; require_once '/drupald.requests.inc';
        $value = (function () { ${code} })(); echo json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);`,
    });
    return JSON.parse(text);
  }

  it.each([
    ['http://Example.COM', 'http', 'example.com', 80, '/', 'http://example.com'],
    ['https://example.com:8443/a?b=c#d', 'https', 'example.com', 8443, '/a?b=c', 'https://example.com:8443'],
    ['https://example.com.:443/', 'https', 'example.com', 443, '/', 'https://example.com'],
    ['FEED://example.com/a b', 'http', 'example.com', 80, '/a%20b', 'http://example.com'],
    ['http://[::1]:81?q', 'http', '[::1]', 81, '/?q', 'http://[::1]:81'],
  ])('takes %s apart', async (url, scheme, host, port, target, origin) => {
    expect(await value(`return _drupald_address_parts(${JSON.stringify(url)});`)).toMatchObject({
      scheme,
      host,
      port,
      target,
      origin,
      user: null,
    });
  });

  it.each([
    ['http:///', -1001],
    ['/path', -1002],
    ['example.com', -1002],
    ['ftp://example.com/', -1003],
    ['javascript:alert(1)', -1003],
    ['http://exa mple.com/', -1001],
    ['http://a%00b/', -1001],
  ])('makes no request of %s', async (url, code) => {
    expect(await value(`return _drupald_address_parts('${url}');`)).toMatchObject({ code });
  });

  it('decodes who asks', async () => {
    expect(await value("return _drupald_address_parts('http://me%40home:p%3Ass@example.com/');")).toMatchObject({
      user: 'me@home',
      pass: 'p:ss',
      origin: 'http://example.com',
    });
  });

  it.each([
    ['https://other.example/x#y', 'https://other.example/x'],
    ['//other.example/x', 'http://other.example/x'],
    ['/x?y', 'http://example.com:81/x?y'],
    ['x', 'http://example.com:81/a/b/x'],
    ['?y', 'http://example.com:81/a/b/c?y'],
    ['', 'http://example.com:81/a/b/c?d=/e'],
    ['../x', 'http://example.com:81/a/x'],
    ['../../../x/./y/..', 'http://example.com:81/x/'],
    ['./', 'http://example.com:81/a/b/'],
    ['ftp:x', 'ftp:x'],
  ])('follows a redirect to "%s"', async (location, expected) => {
    expect(
      await value(
        `return _drupald_address_follow(_drupald_address_parts('http://example.com:81/a/b/c?d=/e'), '${location}');`,
      ),
    ).toBe(expected);
  });

  it('tells public addresses from private ones', async () => {
    const isPrivate = (list: readonly string[]): Promise<unknown> =>
      value(`return array_map('_drupald_address_is_private', ${JSON.stringify(list)});`);
    const closed = `0.0.0.0 10.255.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255
      192.168.0.1 192.0.2.1 198.19.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 fe80::1 fc00::1 fd12::1 ff02::1
      64:ff9b::808:808 2001::1 2001:db8::1 2002:7f00:1::`.split(/\s+/);
    const open =
      `1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 198.17.255.255
      198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450::1 2001:200::1`.split(/\s+/);
    expect(await isPrivate(closed)).toEqual(closed.map(() => true));
    expect(await isPrivate(open)).toEqual(open.map(() => false));
  });

  it('lets those through that are allowed', async () => {
    expect(
      await value(`$refused = function ($address) { return _drupald_address_is_refused($address, array('10.1.0.0/16', '192.168.0.4', 'fd00::/8', 'bad')); };
        return array_map($refused, array('10.1.2.3', '10.2.0.1', '192.168.0.4', '192.168.0.5', 'fd00::1', 'fe80::1', '8.8.8.8', ''));`),
    ).toEqual([false, true, false, true, false, true, false, true]);
  });

  it('says what is missing where PHP has no curl', async () => {
    const without = await start();
    const settings = '/internal/shared/php.ini';
    without.writeFile(settings, 'disable_functions = curl_multi_init\n');
    const seen = (await value(
      `$told = array();
      $options = array('postpone' => TRUE, 'callback' => function ($result) use (&$told) { $told[] = $result->code; });
      $requests = array(drupald_http_request('http://example.com/', $options), drupald_http_request('http://example.com/', $options));
      drupald_http_request_process($requests);
      return array('told' => $told, 'error' => $requests[0]->error, 'said' => $GLOBALS['said']);`,
      without,
    )) as object;
    without.exit();
    expect(seen).toMatchObject({ told: [-1005, -1005], error: 'PHP has no extension curl' });
    expect(seen).toHaveProperty('said.length', 1);
  });
});
