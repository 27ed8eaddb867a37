import { type MessageId, type ReceiptStatusName, receiptStatusName } from '@causeway/protocol';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { complaints, total } from '../kit/observe.ts';
import { connectPeer, type Hello, type PeerOptions, type RawPeer } from '../kit/peer.ts';
import { type RedisDeployment, startRedis } from '../kit/redis.ts';
import { type Env, type Relay, startCluster } from '../kit/relay.ts';
import { Scope } from '../kit/scope.ts';

export interface TestCluster {
  /** Started before the first test of the file, stopped behind the last. */
  readonly relays: readonly Relay[];
  readonly redis: RedisDeployment;
  url(relay: number): string;
  /** Connects to the relay of this index. */
  connect(relay: number, options?: Partial<PeerOptions>): Promise<RawPeer>;
  /** Connects and says HELLO. */
  join(relay: number, hello: Hello, options?: Partial<PeerOptions>): Promise<RawPeer>;
  /** Has it stopped behind the present test. */
  keep: Scope['keep'];
  /** The metric over all relays. */
  total(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export interface TestClusterOptions {
  readonly relays?: number;
  readonly env?: Env;
  readonly startRedis?: () => Promise<RedisDeployment>;
}

/** Relays over one Redis for all tests of a file. At the end each must drain, and none may have logged an error. */
export function useCluster(options: TestClusterOptions = {}): TestCluster {
  const servers = new Scope();
  const scope = new Scope();
  let relays: readonly Relay[] = [];
  let redis: RedisDeployment | undefined;
  beforeAll(async () => {
    redis = servers.keep(await (options.startRedis ?? startRedis)());
    const cluster = await startCluster({ relays: options.relays ?? 2, redis, env: options.env ?? {} });
    relays = servers.keep(cluster).relays;
  });
  afterEach(() => scope.end());
  afterAll(async () => {
    const codes = await Promise.all(relays.map((relay) => relay.stop()));
    await servers.end();
    expect(relays.flatMap(complaints)).toEqual([]);
    expect(codes).toEqual(relays.map(() => 0));
  });

  const self: TestCluster = {
    get relays() {
      return relays;
    },
    get redis() {
      if (redis === undefined) throw new Error('Redis is not started yet');
      return redis;
    },
    url: (index) => (relays[index] as Relay).url,
    connect: async (relay, rest) => scope.keep(await connectPeer({ url: self.url(relay), ...rest })),
    async join(relay, hello, rest) {
      const peer = await self.connect(relay, rest);
      await peer.hello(hello);
      return peer;
    },
    keep: (started) => scope.keep(started),
    total: (name, labels) => total(relays, name, labels),
  };
  return self;
}

/**
 * How these messages of the peer ended, in the order of the ids. A receipt for another message, or a second one for one
 * of these, is an error.
 */
export async function outcomes(
  peer: RawPeer,
  ...ids: readonly MessageId[]
): Promise<(ReceiptStatusName | undefined)[]> {
  const found = new Map<MessageId, number>();
  while (found.size < ids.length) {
    for (const { id, status } of (await peer.next('receipt')).receipts) {
      if (found.has(id) || !ids.includes(id)) throw new Error(`receipt ${id}=${status} is owed to nothing`);
      found.set(id, status);
    }
  }
  return ids.map((id) => receiptStatusName(found.get(id) as number));
}

/** The ERROR's code and the close code with which the relay ends this connection. */
export async function ending(peer: RawPeer): Promise<[string, number]> {
  const { code } = await peer.next('error');
  return [code, (await peer.closed).code];
}

export function text(payload: Uint8Array): string {
  return Buffer.from(payload).toString();
}

/** Messages `1` to `count`. */
export function numbered(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(String(index + 1)));
}

/** The whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
