import { expect, test } from 'vitest';
import { A, B, keptLog, key, TestCluster, withMethods } from '../../../../test/simulation/core-kit.ts';
import type { Directory, InboxEntry } from './ports.ts';

/** Bob has left A, which stops; alice on B watches him, but B does not read its inbox yet. */
async function stopping() {
  const cluster = new TestCluster();
  const log = keptLog();
  const changes = { nodeLeaseMs: 1000 };
  const unread: InboxEntry[] = [];
  let read: ((entries: readonly InboxEntry[]) => void) | null = null;
  const a = await cluster.start(A, changes, undefined, log);
  const b = await cluster.start(
    B,
    changes,
    ({ inbox }) => ({
      inbox: withMethods(inbox, {
        start: (node, onEntries) => {
          read = onEntries;
          inbox.start(node, (entries) => (read === null ? unread.push(...entries) : read(entries)));
        },
      }),
    }),
    keptLog(),
  );
  const alice = await cluster.connect(b.relay, 'alice');
  const bob = await cluster.connect(a.relay, 'bob');
  alice.say({ type: 'watch', peers: ['bob' as never] });
  await cluster.run(3000);
  const onEntries = read as unknown as (entries: readonly InboxEntry[]) => void;
  read = null;
  const stopped = a.relay.stop(10_000);
  bob.hangUp();
  await cluster.run(1000);
  const readOn = () => {
    read = onEntries;
    onEntries(unread.splice(0));
  };
  return {
    cluster,
    a,
    b,
    log,
    stopped,
    readOn,
    state: () => [cluster.shared.logs.get(A)?.state, cluster.shared.nodes.has(A)],
  };
}

test('a node that stops waits until the others have read what it told them', async () => {
  const { cluster, stopped, readOn, state, log } = await stopping();
  await cluster.run(5000);
  expect(state()).toEqual(['closing', true]);
  readOn();
  await cluster.run(1500);
  await stopped;
  expect([state(), log.lines]).toEqual([['reaped', false], []]);
});

test('a node that stops does not wait for a node that dies', async () => {
  const { cluster, b, stopped, state } = await stopping();
  b.kill();
  await cluster.run(500);
  expect(state()).toEqual(['closing', true]);
  await cluster.run(2000);
  await stopped;
  expect(state()).toEqual(['reaped', false]);
});

test('a node that cannot finish in time keeps its inbox and its lease: it is reaped like one that died', async () => {
  const { cluster, stopped, readOn, state, log } = await stopping();
  await cluster.run(9500);
  await stopped;
  expect([state(), log.lines]).toEqual([['closing', true], ['the inbox could not be finished in time']]);
  readOn();
  await cluster.run(3000);
  expect([state(), cluster.shared.nodes.get(A)?.state]).toEqual([['reaped', true], 'reaped']);
});

test('a node that is declared dead while it stops has ended: it does not go on under another id', async () => {
  const { cluster, a, log, stopped, readOn, state } = await stopping();
  const record = cluster.shared.nodes.get(A);
  if (record === undefined) throw new Error('it is not on the list');
  cluster.shared.nodes.set(A, { ...record, state: 'dead' });
  await cluster.run(500);
  await stopped;
  expect([a.fences, log.lines]).toEqual([0, [expect.stringContaining('declared dead')]]);
  readOn();
  await cluster.run(3000);
  expect([state(), cluster.shared.nodes.get(A)?.state]).toEqual([['reaped', true], 'reaped']);
});

test('a store that has lost everything is told it again, and nobody has to connect again', async () => {
  const cluster = new TestCluster();
  const refreshed: string[] = [];
  const changes = { nodeLeaseMs: 1000 };
  const a = await cluster.start(A, changes, ({ directory }) => ({
    directory: withMethods(directory, {
      refresh: (...args: Parameters<Directory['refresh']>) => {
        refreshed.push(args[0]);
        return directory.refresh(...args);
      },
    }),
  }));
  const b = await cluster.start(B, changes);
  const alice = await cluster.connect(b.relay, 'alice');
  const bob = await cluster.connect(a.relay, 'bob');
  alice.say({ type: 'watch', peers: ['bob' as never] });
  await cluster.run(10_000);
  // It was not asked out of turn while nothing had happened.
  expect([refreshed, alice.take()]).toEqual([[key('bob')], ['presence']]);
  for (const state of [cluster.shared.peers, cluster.shared.logs, cluster.shared.nodes]) state.clear();
  await cluster.run(4000);
  const peer = cluster.shared.peers.get(key('bob'));
  expect([peer?.location?.owner?.node, [...(peer?.watchers.keys() ?? [])]]).toEqual([A, [B]]);
  expect([...cluster.shared.nodes.keys()].sort()).toEqual([A, B]);
  alice.sendTo('bob', 1);
  await cluster.run(10);
  expect([bob.take(), alice.closedWith, bob.closedWith]).toEqual([['deliver 1 alice 1'], 0, 0]);
  bob.hangUp();
  await cluster.run(2100);
  expect(alice.frames.at(-1)).toMatchObject({ type: 'presence', peer: 'bob', online: false });
});
