import { isIPv6 } from 'node:net';

const MAPPED_IPV4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * Where a request comes from, as far as limits and the audit are concerned. An IPv6 address counts as its /64, since
 * whoever has one address of a network has all of them. There is no address when the peer has hung up before its request
 * is looked at.
 */
export function sourceOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  // A zone (%eth0) names an interface of this machine, not a peer.
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return address;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':');
    // An address written with a dotted end has one group less than it stands for.
    const written = groups.length + rest.length + (plain.includes('.') ? 1 : 0);
    for (let i = written; i < 8; i += 1) groups.push('0');
    groups.push(...rest);
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':')}::/64`;
}
