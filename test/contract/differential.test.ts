import type { NodeId, PeerId } from '@causeway/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  Location,
  MailboxEntry,
  MailboxId,
  MailboxLimits,
  Removed,
  Store,
  Stored,
} from '../../services/relay/src/core/ports.ts';
import { startRedis } from '../kit/redis.ts';
import { HOUR, message, newPeer, of, request } from './fixtures.ts';
import { embedded, type Implementation, onRedis } from './implementation.ts';

/** One step of a mailbox's life; messages are [sender, bytes]. */
type Step =
  | { do: 'store'; writer: number; repeat: boolean; sizes: [string, number][] }
  | { do: 'append'; who: number; final: boolean; repeat: boolean; sizes: [string, number][] }
  | { do: 'register'; node: number; secret: string; sticky: boolean; attempt: number | null; reclaims: number }
  | { do: 'remove'; picks: number[] }
  | { do: 'read'; after: number; count: number; bytes: number };

const sizes = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'ab', 'ü}'), fc.integer({ min: 20, max: 130 })) as fc.Arbitrary<[string, number]>,
  { minLength: 1, maxLength: 5 },
);
const index = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('store' as const), writer: index, repeat: fc.boolean(), sizes }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      who: fc.nat(5),
      final: fc.boolean(),
      repeat: fc.boolean(),
      sizes: fc.oneof(sizes, fc.constant<[string, number][]>([])),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('register' as const),
      node: index,
      secret: fc.constantFrom('', 'aa', 'bb'),
      sticky: fc.boolean(),
      attempt: fc.option(fc.nat(3)),
      reclaims: fc.nat(20),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), picks: fc.array(fc.nat(30)) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      after: fc.nat(30),
      count: fc.integer({ min: 1, max: 9 }),
      bytes: fc.integer({ min: 1, max: 500 }),
    }),
  },
);

/** Runs steps on one store and tells its answers with ids and epochs by their order of appearance. */
class Run {
  private readonly store: Store;
  private readonly limits: MailboxLimits;
  private readonly key = newPeer();
  private readonly ids: MailboxId[] = [];
  private readonly locations: Location[] = [];
  private readonly sequences = new Map<NodeId, number>();
  private messages = 0;

  constructor(store: Store, limits: MailboxLimits) {
    this.store = store;
    this.limits = limits;
  }

  async take(step: Step): Promise<unknown> {
    const { mailbox, directory } = this.store;
    switch (step.do) {
      case 'store': {
        const writer = this.writer(nodeOf(step.writer), step.repeat);
        const reply = await directory.locateOrStore(this.key, writer, this.list(step.sizes), this.limits);
        return 'entries' in reply ? this.stored(reply) : this.name(of('located', reply).location);
      }
      case 'append': {
        const at = this.locations[step.who] ?? { node: nodeOf(0), epoch: 1 };
        const writer = this.writer(at.node, step.repeat);
        const final = step.final ? { seen: this.ids[step.who] ?? ('' as const) } : null;
        const reply = await mailbox.append(this.key, at, writer, this.list(step.sizes), this.limits, final);
        if (reply.kind === 'wait') return { kind: 'wait', head: this.name(reply.head) };
        if (!('entries' in reply)) return { ...reply, owner: 'owner' in reply && this.name(reply.owner) };
        const { handedOver } = reply;
        return [this.stored(reply), handedOver && [this.name(handedOver.next), this.name(handedOver.owner)]];
      }
      case 'register':
        return this.register(step);
      case 'remove': {
        const ids = step.picks.flatMap((pick) => this.ids[pick] ?? []);
        return of('removed', await mailbox.remove(this.key, [...new Set(ids)])).removed.map(this.removed);
      }
      case 'read': {
        const after = this.ids[step.after] ?? '';
        return of('entries', await mailbox.read(this.key, after, step.count, step.bytes, HOUR)).entries.map(this.entry);
      }
    }
  }

  private async register(step: Step & { do: 'register' }): Promise<unknown> {
    const { node, secret: resumeHash, sticky, attempt } = step;
    const reclaims = this.locations[step.reclaims]?.epoch ?? 0;
    const wanted = request(this.key, { node: nodeOf(node), resumeHash, sticky, attempt, reclaims });
    const reply = await this.store.directory.register(wanted);
    if (reply.kind !== 'registered') return reply;
    this.locations.push({ node: wanted.node, epoch: reply.epoch });
    const { renewed, queued, seen } = reply;
    return { renewed, queued, seen: seen && this.order(seen), prev: reply.prev.map((one) => this.name(one)) };
  }

  private list(sizes: [string, number][]) {
    return sizes.map(([from, bytes]) => message(++this.messages, from, bytes));
  }

  private writer(node: NodeId, repeat: boolean) {
    const sequence = (this.sequences.get(node) ?? 0) + (repeat ? 0 : 1);
    this.sequences.set(node, sequence);
    return { node, sequence };
  }

  private order(id: MailboxId): number {
    return this.ids.indexOf(id);
  }

  private name(location: Location | null): unknown {
    return location && this.locations.findIndex((one) => one.epoch === location.epoch && one.node === location.node);
  }

  private stored({ count, entries, evicted }: Stored) {
    for (const id of entries) if (!this.ids.includes(id)) this.ids.push(id);
    return { count, entries: entries.map((id) => this.order(id)), evicted: evicted.map(this.removed) };
  }

  private readonly removed = ({ entry, bytes }: Removed) => [this.order(entry), bytes];
  private readonly entry = ({ entry, id, from, payload }: MailboxEntry) => [
    this.order(entry),
    id,
    from satisfies PeerId,
    payload.length,
  ];
}

function nodeOf(index: number): NodeId {
  return `node${index}` as NodeId;
}

let both: Implementation[];
beforeAll(async () => {
  both = await Promise.all([embedded(), onRedis(startRedis)]);
});
afterAll(() => Promise.all(both.map((one) => one.stop())));

test('both implementations answer any sequence of steps alike', async () => {
  const caps = fc.record({ messages: fc.integer({ min: 1, max: 8 }), bytes: fc.integer({ min: 60, max: 400 }) });
  await fc.assert(
    fc.asyncProperty(caps, fc.array(step, { minLength: 10, maxLength: 40 }), async (cap, steps) => {
      // Stored in one millisecond or in several: only the order of the ids may tell the runs apart.
      const runs = both.map(({ store }) => new Run(store, { ...cap, ttlMs: HOUR }));
      for (const one of steps) {
        const [inMemory, onServer] = await Promise.all(runs.map((run) => run.take(one)));
        expect(onServer).toEqual(inMemory);
      }
    }),
    { numRuns: 200 },
  );
});
