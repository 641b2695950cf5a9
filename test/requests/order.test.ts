import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { AddressError, failureOf, FileError, LargeBodyError, mayTryAgain } from '../../src/requests/answer.js';
import { pauseBefore, readOrder } from '../../src/requests/order.js';
import { isRefused, PrivateAddressError, refuseLiteral } from '../../src/requests/private-address.js';

const order = {
  url: 'http://example.com/',
  method: 'GET',
  headers: { 'User-Agent': 'x' },
  data: '',
  timeout: 30,
  redirects: 3,
  file: null,
  private: true,
  retries: 2,
  pause: 1,
  uid: 1,
  call: 'YQ==',
};
const read = (change: object): unknown => readOrder(JSON.stringify({ ...order, ...change }));

describe('an order', () => {
  it('is read as the site has written it', () => {
    expect(read({})).toEqual(order);
    expect(read({ private: ['10.0.0.0/8'], file: '/tmp/x', headers: [] })).toMatchObject({
      headers: {},
      file: '/tmp/x',
    });
  });

  it.each([
    { method: 'get' },
    { method: 'GET /x' },
    { file: 'relative' },
    { timeout: -1 },
    { retries: 21 },
    { call: 'no base64' },
    { private: 'no' },
    { url: 1 },
  ])('is not read with %j', (change) => {
    expect(read(change)).toBeUndefined();
  });

  it.each([undefined, null, 1, '', 'x', '[]', 'null', ['a']])('is not %j', (data) => {
    expect(readOrder(data)).toBeUndefined();
  });

  it('pauses longer before each attempt', () => {
    expect([1, 2, 3, 20].map((number) => pauseBefore(1, number))).toEqual([1, 2, 4, 300]);
  });
});

describe('a private address', () => {
  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '100.64.0.1', '0.0.0.0', '::1', '[::1]', '::ffff:8.8.8.8'])(
    'is %s',
    (address) => {
      expect(isRefused(address, [])).toBe(true);
    },
  );

  it.each(['fe80::1', 'fd00::1', '64:ff9b::808:808', '2002:7f00:1::', '2001:db8::1', '255.255.255.255', '', 'x'])(
    'is also %j',
    (address) => {
      expect(isRefused(address, [])).toBe(true);
    },
  );

  it.each(['8.8.8.8', '172.32.0.1', '2606:4700::1111'])('is not %s', (address) => {
    expect(isRefused(address, [])).toBe(false);
  });

  it('can be allowed', () => {
    const allowed = ['10.1.0.0/16', '192.168.0.4', 'fd00::/8', 'bad'];
    const refused = (address: string): boolean => isRefused(address, allowed);
    expect(['10.1.2.3', '10.2.0.1', '192.168.0.4', '192.168.0.5', 'fd00::1', 'fe80::1'].map(refused)).toEqual([
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  it('is refused where a host is written as one; names are looked up later', () => {
    expect(() => {
      refuseLiteral('[::1]', []);
    }).toThrow(PrivateAddressError);
    expect(() => {
      refuseLiteral('localhost', []);
    }).not.toThrow();
  });
});

describe('an end without an answer', () => {
  const failed = (code: string): unknown => failureOf(Object.assign(new Error('words'), { code }));

  it.each([
    ['ECONNREFUSED', -constants.errno.ECONNREFUSED],
    ['ENOTFOUND', -2006],
    ['EAI_AGAIN', -2006],
    ['UND_ERR_CONNECT_TIMEOUT', -1],
    ['UND_ERR_SOCKET', -2056],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', -2060],
    ['ERR_TLS_CERT_ALTNAME_INVALID', -2060],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', -2060],
  ])('%s has the code %i', (name, code) => {
    expect(failed(name)).toMatchObject({ code });
  });

  it('has words for what was refused here', () => {
    const errors = [new PrivateAddressError('a'), new AddressError('b'), new LargeBodyError('c'), new FileError('d')];
    expect(errors.map(failureOf)).toEqual([
      { code: -1004, error: 'a' },
      { code: -1003, error: 'b' },
      { code: -1006, error: 'c' },
      { code: -2023, error: 'd' },
    ]);
    expect(failureOf(new TypeError('x', { cause: new PrivateAddressError('a') }))).toEqual({ code: -1004, error: 'a' });
  });

  it('is tried again where that does nothing twice', () => {
    expect([-1, -2056, 503, 429].map((code) => mayTryAgain(code, 'GET'))).toEqual([true, true, true, true]);
    expect([-1, -2056, 503, 429].map((code) => mayTryAgain(code, 'POST'))).toEqual([false, false, false, false]);
    expect([-2006, -constants.errno.ECONNREFUSED].map((code) => mayTryAgain(code, 'POST'))).toEqual([true, true]);
    expect([200, 404, 500, -1003, -1004, -1006, -2060].some((code) => mayTryAgain(code, 'GET'))).toBe(false);
  });
});
