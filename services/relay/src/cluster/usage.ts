import type { NodeId, RealmName } from '@causeway/protocol';
import type { Unavailable } from '../core/ports.ts';
import { USAGE_FIELDS, type Usage, type UsageBooks, type UsageRecord } from '../core/shared-ports.ts';
import { type Commands, list, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';

/** So that no hour ends in the list of realms before the amounts that were added in its last minute. */
const LIST_SLACK_MS = 2 * 3_600_000;

export class RedisUsage implements UsageBooks {
  private readonly commands: Commands;
  private readonly keys: Keys;
  /** Realms that this process has listed in the hour that it wrote to last. */
  private listed = { hour: 0, realms: new Set<RealmName>() };

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  async add(
    realm: RealmName,
    hour: number,
    { node, sequence }: { readonly node: NodeId; readonly sequence: number },
    usage: Usage,
    peers: ReadonlyMap<string, Usage>,
    keepMs: number,
  ): Promise<{ kind: 'added' } | Unavailable> {
    const wasListed = this.listed.hour === hour && this.listed.realms.has(realm);
    if (!wasListed) {
      const reply = await this.list(realm, hour, keepMs);
      if (reply.kind === 'unavailable') return reply;
    }
    const { hour: totals, peers: byPeer } = this.keys.usage(realm, hour);
    const of = [...peers].flatMap(([peer, amounts]) => [peer, JSON.stringify(amountsOf(amounts))]);
    const reply = await this.commands.script(
      'usageAdd',
      [totals, byPeer],
      [node, sequence, keepMs, ...(amountsOf(usage) as SevenAmounts), ...of],
      (answer) => ({ kind: 'added' as const, isFirst: number(list(answer)[0]) === 1 }),
    );
    if (reply.kind === 'unavailable') return reply;
    // A store that was emptied has lost the list as well.
    if (reply.isFirst && wasListed) return this.list(realm, hour, keepMs);
    return { kind: 'added' };
  }

  realms(from: number, to: number): Promise<{ kind: 'realms'; realms: readonly RealmName[] } | Unavailable> {
    const keys = Array.from({ length: Math.max(0, to - from) }, (_, index) => this.keys.usageRealms(from + index));
    if (keys.length === 0) return Promise.resolve({ kind: 'realms', realms: [] });
    return this.commands.run(
      'usageRealms',
      () => this.commands.client.sunion(...keys),
      (realms) => ({ kind: 'realms', realms: realms as RealmName[] }),
    );
  }

  read(
    realm: RealmName,
    hour: number,
    byPeer: boolean,
  ): Promise<{ kind: 'usage'; records: readonly UsageRecord[] } | Unavailable> {
    const { hour: totals, peers } = this.keys.usage(realm, hour);
    return this.commands.script('usageRead', [totals, peers], [byPeer ? 1 : 0], (reply) => {
      const [fields, ofPeers] = list(reply);
      const sums = new Map(pairs(fields).map(([field, sum]) => [field, number(sum)]));
      const usage = toUsage(USAGE_FIELDS.map((field) => sums.get(field) ?? 0));
      const records: UsageRecord[] = sums.size === 0 ? [] : [{ realm, hour, peer: null, usage }];
      for (const [peer, amounts] of pairs(ofPeers)) {
        records.push({ realm, hour, peer, usage: toUsage(JSON.parse(text(amounts)) as number[]) });
      }
      return { kind: 'usage', records };
    });
  }

  private async list(realm: RealmName, hour: number, keepMs: number): Promise<{ kind: 'added' } | Unavailable> {
    const reply = await this.commands.script(
      'usageList',
      [this.keys.usageRealms(hour)],
      [realm, keepMs + LIST_SLACK_MS],
      () => ({ kind: 'added' as const }),
    );
    if (reply.kind === 'unavailable') return reply;
    if (this.listed.hour !== hour) this.listed = { hour, realms: new Set() };
    this.listed.realms.add(realm);
    return reply;
  }
}

type SevenAmounts = readonly [number, number, number, number, number, number, number];

function amountsOf(usage: Usage): readonly number[] {
  return USAGE_FIELDS.map((field) => usage[field]);
}

function toUsage(amounts: readonly number[]): Usage {
  return Object.fromEntries(USAGE_FIELDS.map((field, index) => [field, amounts[index] ?? 0])) as Usage;
}

function pairs(reply: Reply | undefined): [string, Reply | undefined][] {
  const flat = list(reply);
  return Array.from({ length: flat.length / 2 }, (_, index) => [text(flat[2 * index]), flat[2 * index + 1]]);
}
