import type { Attempt, AttemptLimit, AttemptLimits } from './shared-ports.ts';

const OFF: AttemptLimit = { points: 0, seconds: 0, blockSeconds: 0 };
export const UNLIMITED_ATTEMPTS: AttemptLimits = {
  connect: OFF,
  failed_auth: OFF,
  hello: OFF,
  room: OFF,
  join: OFF,
  join_room: OFF,
  join_all: OFF,
};

const MAPPED_IPV4 = /^[0:]+:ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
/** Of an IPv6 address; the rest its owner chooses as it likes. */
const NETWORK_GROUPS = 4;

const BY_ADDRESS: readonly Attempt[] = ['connect', 'failed_auth', 'room', 'join'];

/** Whose attempts are counted together: all addresses of an IPv6 /64 are one subject. */
export function subjectOf(attempt: Attempt, subject: string): string {
  return BY_ADDRESS.includes(attempt) ? networkOf(subject) : subject;
}

/** An IPv4 address, or the network (/64) of an IPv6 one, of which one client has all addresses. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [, ipv4] = MAPPED_IPV4.exec(address) ?? [];
  if (ipv4 !== undefined) return ipv4;
  const [head = '', tail] = address.toLowerCase().split('::');
  const front = groupsOf(head);
  const back = groupsOf(tail ?? '');
  const gap = tail === undefined ? 0 : Math.max(0, GROUPS - front.length - back.length);
  const groups = [...front, ...new Array<string>(gap).fill('0'), ...back];
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':').map((group) => group.replace(/^0+(?=.)/, ''));
}
