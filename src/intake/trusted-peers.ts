import ipaddr from 'ipaddr.js';

/** Plain form of a peer's address: an IPv4 address inside IPv6 is IPv4. */
export function plainAddress(address: string): string {
  try {
    return ipaddr.process(address.replace(/%.*$/, '')).toString();
  } catch {
    return address;
  }
}

/** Tells peers whose forwarding headers count, by addresses and networks. */
export class TrustedPeers {
  readonly #networks: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

  constructor(networks: readonly string[]) {
    this.#networks = networks.map((network) =>
      network.includes('/') ? ipaddr.parseCIDR(network) : single(ipaddr.process(network)),
    );
  }

  has(address: string): boolean {
    let peer: ipaddr.IPv4 | ipaddr.IPv6;
    try {
      peer = ipaddr.process(plainAddress(address));
    } catch {
      return false;
    }
    return this.#networks.some(([network, bits]) => network.kind() === peer.kind() && peer.match(network, bits));
  }
}

function single(address: ipaddr.IPv4 | ipaddr.IPv6): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
