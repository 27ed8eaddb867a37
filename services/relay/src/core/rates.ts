import type { NodeId, PeerId, RealmName } from '@causeway/protocol';
import { type PeerKey, peerKey, peerOf, realmOf } from './address.ts';
import type { Clock, Timers } from './clock.ts';
import type { UsageMeter } from './usage.ts';
import type { Snapshots } from './usage-ports.ts';

/** Rates are those of the last so many milliseconds. */
export const RATES_MS = 2000;
/** A node that has told nothing for so long is not counted any more. */
const SNAPSHOT_TTL_MS = 3 * RATES_MS + 1000;
/** Realms and peers that a node names. */
export const MOST_NAMED = 50;

/** What was taken from peers, as limits count it. */
export interface Rate {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}
export interface RealmRate extends Rate {
  readonly realm: RealmName;
  readonly connections: number;
}
export interface PeerRate extends Rate {
  readonly realm: RealmName;
  readonly peer: PeerId;
}
export interface Top {
  readonly realms: readonly RealmRate[];
  readonly peers: readonly PeerRate[];
  /** Nodes that have told of themselves. */
  readonly nodes: number;
}

/** A snapshot: names with messages and bytes a second; of realms also their connections on the node. */
interface Told {
  readonly realms: readonly (readonly [RealmName, number, number, number])[];
  readonly peers: readonly (readonly [PeerKey, number, number])[];
}

export interface RatesDeps {
  readonly node: NodeId;
  readonly usage: UsageMeter;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Looks at the accounts of this node every 2 s, and tells all nodes which realms and peers are the busiest. */
export class Rates {
  private readonly deps: RatesDeps;
  private lookedAt: number;
  private cancel = (): void => undefined;

  constructor(deps: RatesDeps) {
    this.deps = deps;
    this.lookedAt = deps.clock.now();
  }

  start(): void {
    this.cancel = this.deps.timers.after(RATES_MS, () => {
      this.publish();
      this.start();
    });
  }

  stop(): void {
    this.cancel();
  }

  private publish(): void {
    const { node, snapshots, clock } = this.deps;
    const now = clock.now();
    const seconds = Math.max(now - this.lookedAt, 1) / 1000;
    this.lookedAt = now;
    // One that is lost is followed by the next.
    void snapshots.write(node, JSON.stringify(this.look(seconds)), SNAPSHOT_TTL_MS);
  }

  private look(seconds: number): Told {
    const realms = new Busiest<RealmName>();
    const peers = new Busiest<PeerKey>();
    const connectionsOf = new Map<RealmName, number>();
    for (const [realm, accounts] of this.deps.usage.accounts()) {
      let [messages, bytes, connections] = [0, 0, 0];
      for (const [peer, account] of accounts) {
        connections += account.connections;
        const newMessages = account.messagesIn - account.seenMessages;
        if (newMessages === 0) continue;
        const newBytes = account.bytesIn - account.seenBytes;
        account.seenMessages = account.messagesIn;
        account.seenBytes = account.bytesIn;
        messages += newMessages;
        bytes += newBytes;
        if (peers.isAmong(newMessages, newBytes)) peers.add(peerKey(realm, peer), newMessages, newBytes);
      }
      if (messages === 0 && connections === 0) continue;
      if (!realms.isAmong(messages, bytes)) continue;
      realms.add(realm, messages, bytes);
      connectionsOf.set(realm, connections);
    }
    const told = <Name extends string>(busiest: Busiest<Name>) =>
      busiest.all.map(
        ({ name, messages, bytes }) => [name, perSecond(messages, seconds), perSecond(bytes, seconds)] as const,
      );
    return {
      realms: told(realms).map(([realm, messages, bytes]) => [realm, messages, bytes, connectionsOf.get(realm) ?? 0]),
      peers: told(peers),
    };
  }
}

/** The busiest realms and peers of all nodes. One that is among the busiest of no node is not found. */
export function mergeTop(snapshots: readonly string[], count: number): Top {
  const realms = new Map<RealmName, { messages: number; bytes: number; connections: number }>();
  const peers = new Map<PeerKey, { messages: number; bytes: number }>();
  for (const text of snapshots) {
    const told = JSON.parse(text) as Told;
    for (const [realm, messages, bytes, connections] of told.realms) {
      const sum = realms.get(realm) ?? { messages: 0, bytes: 0, connections: 0 };
      sum.messages += messages;
      sum.bytes += bytes;
      sum.connections += connections;
      realms.set(realm, sum);
    }
    for (const [peer, messages, bytes] of told.peers) {
      const sum = peers.get(peer) ?? { messages: 0, bytes: 0 };
      sum.messages += messages;
      sum.bytes += bytes;
      peers.set(peer, sum);
    }
  }
  return {
    realms: busiestOf(realms, count).map(([realm, { connections, ...rate }]) => ({
      realm,
      ...toRate(rate),
      connections,
    })),
    peers: busiestOf(peers, count).map(([key, rate]) => ({ realm: realmOf(key), peer: peerOf(key), ...toRate(rate) })),
    nodes: snapshots.length,
  };
}

function busiestOf<Name, Sum extends { messages: number; bytes: number }>(
  sums: ReadonlyMap<Name, Sum>,
  count: number,
): [Name, Sum][] {
  const weights = [...sums].sort(([, a], [, b]) => weight(b.messages, b.bytes) - weight(a.messages, a.bytes));
  return weights.slice(0, count);
}

function toRate({ messages, bytes }: { messages: number; bytes: number }): Rate {
  return { messagesPerSecond: rounded(messages), bytesPerSecond: rounded(bytes) };
}

function perSecond(amount: number, seconds: number): number {
  return rounded(amount / seconds);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Who sends many messages is busy, and so is who sends few that are large: one counts as much as a KiB. */
function weight(messages: number, bytes: number): number {
  return messages + bytes / 1024;
}

interface Busy<Name> {
  readonly name: Name;
  readonly messages: number;
  readonly bytes: number;
}

/** The `MOST_NAMED` that weigh most, heaviest first. */
class Busiest<Name extends string> {
  readonly all: Busy<Name>[] = [];

  isAmong(messages: number, bytes: number): boolean {
    const least = this.all.at(-1);
    return this.all.length < MOST_NAMED || least === undefined || weight(messages, bytes) > weightOf(least);
  }

  add(name: Name, messages: number, bytes: number): void {
    const own = weight(messages, bytes);
    const index = this.all.findIndex((other) => weightOf(other) < own);
    this.all.splice(index === -1 ? this.all.length : index, 0, { name, messages, bytes });
    if (this.all.length > MOST_NAMED) this.all.pop();
  }
}

function weightOf({ messages, bytes }: Busy<string>): number {
  return weight(messages, bytes);
}
