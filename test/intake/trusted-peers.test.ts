import { describe, expect, it } from 'vitest';

import { plainAddress, TrustedPeers } from '../../src/intake/trusted-peers.js';

describe('plainAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', ''],
    ['somewhere', 'somewhere'],
  ])('%j is %j', (given, expected) => {
    expect(plainAddress(given)).toBe(expected);
  });
});

describe('TrustedPeers', () => {
  const peers = new TrustedPeers(['127.0.0.0/8', '::1', '10.1.2.3', '2001:db8::/32']);

  it.each(['127.0.0.1', '127.9.9.9', '::ffff:127.0.0.1', '::1', '10.1.2.3', '2001:db8:1::5'])(
    'trusts %s',
    (address) => {
      expect(peers.has(address)).toBe(true);
    },
  );

  it.each(['10.1.2.4', '128.0.0.1', '::2', '2001:db9::1', '::ffff:10.1.2.4', '', 'localhost', '999.1.1.1'])(
    'does not trust %j',
    (address) => {
      expect(peers.has(address)).toBe(false);
    },
  );

  it('trusts nobody when nobody is named', () => {
    expect(new TrustedPeers([]).has('127.0.0.1')).toBe(false);
  });

  it('refuses what is no network', () => {
    expect(() => new TrustedPeers(['10.0.0.0/99'])).toThrow();
  });
});
