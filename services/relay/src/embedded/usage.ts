import type { NodeId, RealmName } from '@causeway/protocol';
import type { Usage, UsageBooks, UsageRecord } from '../core/shared-ports.ts';
import { addUsage, noUsage } from '../core/usage-account.ts';
import type { EmbeddedCluster } from './cluster.ts';
import type { UsageHour } from './usage-hour.ts';

export class EmbeddedUsage implements UsageBooks {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async add(
    realm: RealmName,
    hour: number,
    { node, sequence }: { readonly node: NodeId; readonly sequence: number },
    usage: Usage,
    peers: ReadonlyMap<string, Usage>,
    keepMs: number,
  ): Promise<{ kind: 'added' }> {
    const books = this.cluster.usage;
    const name = `${hour} ${realm}`;
    let page = this.find(name);
    if (page === undefined) {
      page = { realm, hour, total: noUsage(), peers: new Map(), sequences: new Map(), keepUntil: 0 };
      books.set(name, page);
    }
    page.keepUntil = this.cluster.now() + keepMs;
    if (sequence <= (page.sequences.get(node) ?? 0)) return { kind: 'added' };
    page.sequences.set(node, sequence);
    addUsage(page.total, usage);
    for (const [peer, amounts] of peers) {
      const sums = page.peers.get(peer) ?? noUsage();
      addUsage(sums, amounts);
      page.peers.set(peer, sums);
    }
    return { kind: 'added' };
  }

  async realms(from: number, to: number): Promise<{ kind: 'realms'; realms: readonly RealmName[] }> {
    const now = this.cluster.now();
    const pages = [...this.cluster.usage.values()].filter(
      ({ hour, keepUntil }) => hour >= from && hour < to && keepUntil > now,
    );
    return { kind: 'realms', realms: [...new Set(pages.map(({ realm }) => realm))] };
  }

  async read(
    realm: RealmName,
    hour: number,
    byPeer: boolean,
  ): Promise<{ kind: 'usage'; records: readonly UsageRecord[] }> {
    const page = this.find(`${hour} ${realm}`);
    if (page === undefined) return { kind: 'usage', records: [] };
    const records: UsageRecord[] = [{ realm, hour, peer: null, usage: { ...page.total } }];
    if (byPeer) for (const [peer, sums] of page.peers) records.push({ realm, hour, peer, usage: { ...sums } });
    return { kind: 'usage', records };
  }

  private find(name: string): UsageHour | undefined {
    const page = this.cluster.usage.get(name);
    return page !== undefined && page.keepUntil > this.cluster.now() ? page : undefined;
  }
}
