import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A connection that was not made, because it would have gone to a private address. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

const publicSix = ipaddr.IPv6.parseCIDR('2000::/3');

/** Whether an address is private (or no address) and in none of the networks that are allowed in spite of it. */
export function isRefused(address: string, allowed: readonly string[]): boolean {
  const bare = address.replace(/^\[|\]$/g, '');
  if (!ipaddr.isValid(bare)) return true;
  const parsed = ipaddr.parse(bare);
  const isPublic = parsed.range() === 'unicast' && (parsed instanceof ipaddr.IPv4 || parsed.match(publicSix));
  return !isPublic && !allowed.some((network) => isWithin(parsed, network));
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const cidr = network.includes('/') ? network : `${network}/${network.includes(':') ? 128 : 32}`;
  if (!ipaddr.isValidCIDR(cidr)) return false;
  const [base, bits] = ipaddr.parseCIDR(cidr);
  return base.kind() === address.kind() && address.match(base, bits);
}

/** Refuses a host that is written as an address; names are looked up later, by what connects. */
export function refuseLiteral(hostname: string, allowed: readonly string[]): void {
  const bare = hostname.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 && isRefused(bare, allowed)) throw new PrivateAddressError('private address');
}

/** Looks names up for connections, and lets none through of which one address is private. */
export function guardedLookup(allowed: readonly string[]): LookupFunction {
  return (hostname, options, done) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) {
        done(error, '', 0);
        return;
      }
      const [first] = addresses;
      if (!first) {
        done(new Error(`no address of ${hostname}`), '', 0);
      } else if (addresses.some(({ address }) => isRefused(address, allowed))) {
        done(new PrivateAddressError('private address'), '', 0);
      } else if (options.all) {
        done(null, addresses);
      } else {
        done(null, first.address, first.family);
      }
    });
  };
}
