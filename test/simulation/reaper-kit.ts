import type { NodeId } from '@causeway/protocol';
import { expect } from 'vitest';
import { readEnvelope, readMessage } from '../../services/relay/src/core/node-frame-reader.ts';
import { encodeEnvelope, encodeMessage, NodeFrame } from '../../services/relay/src/core/node-frames.ts';
import { NodeLinks } from '../../services/relay/src/core/node-links.ts';
import type { LinkAppend } from '../../services/relay/src/core/ports.ts';
import { Reaper } from '../../services/relay/src/core/reaper.ts';
import { createEmbeddedCluster } from '../../services/relay/src/embedded/cluster.ts';
import type { NodeLog } from '../../services/relay/src/embedded/node-log.ts';
import { createEmbeddedStore } from '../../services/relay/src/embedded/store.ts';
import { settings } from './cluster.ts';
import { A, B, C, keptLog, message, scriptedLinks, UNAVAILABLE, withMethods } from './core-kit.ts';

export const LEASE_MS = 3000;
export const PATH = 5;
/** Dead as well. */
export const D = 'd' as NodeId;

/** A reaps C; A and B live, D is dead as well. Methods of the reaping port that are named in `away` do not answer. */
export async function setUpReaper() {
  const kit = scriptedLinks({ inboxBytes: 1e9, linkBytes: 1e9 });
  const { world, deps, counters } = kit;
  const shared = createEmbeddedCluster(() => world.now());
  const store = createEmbeddedStore(shared);
  const dead = new Set<NodeId>([C, D]);
  const away = new Set<string>();
  const calls: string[] = [];
  const returned: unknown[] = [];
  const log = keptLog();
  const links = new NodeLinks(deps);
  const { reaping, membership } = store;
  const guarded =
    <Args extends unknown[], R>(name: string, method: (...args: Args) => Promise<R>) =>
    async (...args: Args) => {
      calls.push(name);
      return away.has(name) ? UNAVAILABLE : method.apply(reaping, args);
    };
  const create = (node: NodeId) =>
    new Reaper({
      ...{ links, log, counters, timers: world, membership },
      settings: settings(node, { nodeLeaseMs: LEASE_MS }),
      reaping: withMethods(reaping, {
        take: guarded('take', reaping.take),
        read: guarded('read', reaping.read),
        finish: guarded('finish', reaping.finish),
      }),
      isDead: (one) => dead.has(one),
      living: () => [A, B].filter((one) => !dead.has(one)),
      onReturned: ({ id, flags, path, origin }) => returned.push([id, flags, path, origin]),
    });
  await store.inbox.open(C);
  const times = { leaseUntil: 0, since: 0, steadySince: 0 };
  shared.nodes.set(C, { ...times, node: C, region: '', url: '', connections: 0, state: 'dead' });
  const inbox = shared.logs.get(C) as NodeLog;
  const put = async (from: NodeId, ...frames: Buffer[]) => {
    const first = (inbox.links.get(from) ?? 0) + 1;
    const last = first + frames.length - 1;
    const envelope = encodeEnvelope(
      from,
      first,
      0,
      frames.map((bytes) => ({ bytes })),
    );
    const append = { from, to: C, first, last, acked: 0, exempt: false, envelope, inboxBytes: 1e9 };
    expect(await store.links.append(append)).toEqual({ kind: 'ok' });
  };
  return {
    ...{ ...kit, shared, inbox, dead, away, calls, returned, log, links, create, put },
    reaper: create(A),
    /** [inbox, record, nodes reaped, messages given back] */
    outcome: () => [inbox.state, shared.nodes.get(C)?.state, counters.reaped, counters.reapedMessages],
    /** Appends are taken and read until the dead node is reaped, or nothing more happens. */
    readAll: async (reaped: Promise<void>) => {
      for (let round = 0; round < 20; round += 1) {
        await kit.run(50);
        while (kit.appends.open > 0) {
          const [{ to, last }] = kit.appends.calls[kit.appends.calls.length - kit.appends.open] as [LinkAppend];
          await kit.answer({ kind: 'ok' });
          links.to(to).acknowledge(last);
        }
      }
      await reaped;
    },
  };
}

export const sent = (id: number, bytes = 1) => encodeMessage(message({ id, payload: new Uint8Array(bytes) }), PATH);

/** [node, id, flags, path] of all messages that were given back over links. */
export function givenBack(appends: readonly (readonly [LinkAppend])[]): unknown[] {
  return appends.flatMap(([{ to, envelope }]) => {
    const all: unknown[] = [];
    for (const head = readEnvelope(envelope); head?.frames.more; ) {
      const { type, body } = head.frames.frame();
      if (type !== NodeFrame.returned) continue;
      expect([body.epoch(), body.node()]).toEqual([0, '']);
      const { id, flags, path } = readMessage(body, A, 0, null);
      all.push([to, id, flags, path]);
    }
    return all;
  });
}
