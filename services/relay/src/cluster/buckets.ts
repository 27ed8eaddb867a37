import type { PeerKey } from '../core/address.ts';
import type { Amounts, BucketScope, BucketStore, Leased, LeaseRequest } from '../core/bucket-ports.ts';
import type { Bucket, Buckets } from '../core/policy.ts';
import type { Unavailable } from '../core/ports.ts';
import { type Commands, list, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';

const NO_LIMIT: Bucket = { perSecond: -1, burst: -1 };

export class RedisBuckets implements BucketStore {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  lease(request: LeaseRequest): Promise<Leased | Unavailable> {
    const { node, sequence, version, keepMs, weight, buckets, give, want } = request;
    const messages = buckets.messages ?? NO_LIMIT;
    const bytes = buckets.bytes ?? NO_LIMIT;
    return this.commands.script(
      'bucketLease',
      [this.key(request.scope)],
      [
        node,
        sequence,
        version,
        keepMs,
        weight,
        messages.perSecond,
        messages.burst,
        give.messages,
        want.messages,
        bytes.perSecond,
        bytes.burst,
        give.bytes,
        want.bytes,
      ],
      readLeased,
    );
  }

  hold(key: PeerKey, holder: string, buckets: Buckets): Promise<{ kind: 'held'; level: Amounts } | Unavailable> {
    const { perSecond, burst } = buckets.messages ?? NO_LIMIT;
    const bytes = buckets.bytes ?? NO_LIMIT;
    return this.commands.script(
      'bucketHold',
      [this.keys.peer(key).bucket],
      [holder, perSecond, burst, bytes.perSecond, bytes.burst],
      (reply) => ({ kind: 'held', level: amounts(list(reply), 0) }),
    );
  }

  giveBack(
    key: PeerKey,
    holder: string,
    buckets: Buckets,
    level: Amounts,
  ): Promise<{ kind: 'given_back' } | { kind: 'not_held' } | Unavailable> {
    const { perSecond, burst } = buckets.messages ?? NO_LIMIT;
    const bytes = buckets.bytes ?? NO_LIMIT;
    return this.commands.script(
      'bucketGiveBack',
      [this.keys.peer(key).bucket],
      [holder, perSecond, burst, level.messages, bytes.perSecond, bytes.burst, level.bytes],
      (reply) => ({ kind: text(list(reply)[0]) as 'given_back' | 'not_held' }),
    );
  }

  private key(scope: BucketScope): string {
    switch (scope.kind) {
      case 'cluster':
        return this.keys.clusterBucket;
      case 'realm':
        return this.keys.realmBucket(scope.realm);
      case 'peer':
        return this.keys.peer(scope.key).bucket;
    }
  }
}

function readLeased(reply: Reply): Leased {
  const numbers = list(reply);
  return {
    kind: 'leased',
    granted: amounts(numbers, 0),
    level: amounts(numbers, 2),
    owed: amounts(numbers, 4),
    weights: number(numbers[6]),
  };
}

function amounts(numbers: readonly Reply[], at: number): Amounts {
  return { messages: number(numbers[at]), bytes: number(numbers[at + 1]) };
}
