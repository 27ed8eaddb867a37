import type { NodeId } from '@causeway/protocol';
import { Cluster, type Redis } from 'ioredis';
import type { PeerKey } from '../core/address.ts';
import type { Audit, KeysAudit, NodeRecord, Unavailable } from '../core/ports.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';

/** Reading the entries of a longer inbox would burden Redis. */
const MAX_ENTRIES = 1000;
const SCAN_COUNT = 500;
const SHOWN_OF_A_KEY = 200;

interface Scanned {
  readonly looked: number;
  /** Keys without a TTL. */
  readonly lasting: string[];
  readonly located: { readonly key: PeerKey; readonly epoch: number }[];
}

/** Looks for what should not be in Redis. */
export class RedisAudit implements Audit {
  private readonly commands: Commands;
  private readonly names: Keys;
  private readonly prefix: string;

  constructor(commands: Commands, names: Keys, prefix: string) {
    this.commands = commands;
    this.names = names;
    this.prefix = prefix;
  }

  inbox(node: NodeId): Promise<{ kind: 'inbox'; account: number; contents: number | null } | Unavailable> {
    const { client } = this.commands;
    const { state, inbox } = this.names.node(node);
    return this.commands.run(
      'auditInbox',
      async () => {
        if ((await client.xlen(inbox)) > MAX_ENTRIES)
          return { account: await client.hget(state, 'bytes'), entries: null };
        // In one step, or an append in between would look like a difference.
        const replies = await client
          .multi()
          .hget(state, 'bytes')
          .xrangeBuffer(inbox, '-', '+', 'COUNT', MAX_ENTRIES + 1)
          .exec();
        const [[, account], [, entries]] = replies as [[null, string | null], [null, [Buffer, Buffer[]][]]];
        return { account, entries };
      },
      ({ account, entries }) => ({ kind: 'inbox', account: Number(account ?? 0), contents: contentsOf(entries) }),
    );
  }

  async keys(node: NodeId, limit: number): Promise<KeysAudit | Unavailable> {
    const { client } = this.commands;
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    const share = Math.ceil(limit / servers.length);
    const records = await this.commands.run(
      'auditNodes',
      () => client.hvals(this.names.nodes),
      (texts) => ({ kind: 'records' as const, records: texts.map((text) => JSON.parse(text) as NodeRecord) }),
    );
    if (records.kind === 'unavailable') return records;
    const found = await this.commands.run(
      'auditKeys',
      () => Promise.all(servers.map((server) => this.scan(server, node, share))),
      (scans) => ({ kind: 'scans' as const, scans }),
    );
    if (found.kind === 'unavailable') return found;
    const mayLast = this.lastingKeys(records.records);
    return {
      kind: 'keys',
      looked: found.scans.reduce((sum, { looked }) => sum + looked, 0),
      located: found.scans.flatMap(({ located }) => located),
      lasting: found.scans
        .flatMap(({ lasting }) => lasting)
        .filter((key) => !mayLast.has(key))
        .map((key) => key.slice(0, SHOWN_OF_A_KEY)),
    };
  }

  /** What a cluster keeps for as long as it lives, or its nodes do. */
  private lastingKeys(records: readonly NodeRecord[]): Set<string> {
    const ofNodes = records.flatMap(({ node }) => {
      const { state, inbox, links } = this.names.node(node);
      return [state, inbox, links];
    });
    return new Set([...this.names.lasting(), ...ofNodes]);
  }

  private async scan(server: Redis, node: NodeId, limit: number): Promise<Scanned> {
    const scanned = { looked: 0, lasting: [] as string[], located: [] as Scanned['located'] };
    const pattern = `${this.prefix.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
    let cursor = '0';
    do {
      const [next, keys] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
      cursor = next;
      scanned.looked += keys.length;
      await this.look(server, node, keys, scanned);
    } while (cursor !== '0' && scanned.looked < limit);
    return scanned;
  }

  private async look(server: Redis, node: NodeId, keys: readonly string[], scanned: Scanned): Promise<void> {
    const pipeline = server.pipeline();
    for (const key of keys) {
      pipeline.pttl(key);
      if (this.peerOf(key) !== null) pipeline.hmget(key, 'node', 'epoch');
    }
    // A key may have moved to another server since it was found: its error says so, and it is left out.
    const replies = (await pipeline.exec()) ?? [];
    let at = 0;
    for (const key of keys) {
      const [, ttl] = replies[at++] ?? [];
      if (ttl === -1) scanned.lasting.push(key);
      const peer = this.peerOf(key);
      if (peer === null) continue;
      const [, location] = replies[at++] ?? [];
      const [owner, epoch] = (location as (string | null)[] | undefined) ?? [];
      if (owner === node) scanned.located.push({ key: peer, epoch: Number(epoch) });
    }
  }

  /** The peer whose location a key holds; null for any other key. */
  private peerOf(key: string): PeerKey | null {
    const head = `${this.prefix}{p:`;
    const tail = '}:loc';
    return key.startsWith(head) && key.endsWith(tail) ? (key.slice(head.length, -tail.length) as PeerKey) : null;
  }
}

function contentsOf(entries: readonly [Buffer, Buffer[]][] | null): number | null {
  if (entries === null || entries.length > MAX_ENTRIES) return null;
  // An entry has one field, whose value is the envelope.
  return entries.reduce((sum, [, [, envelope]]) => sum + (envelope?.length ?? 0), 0);
}
