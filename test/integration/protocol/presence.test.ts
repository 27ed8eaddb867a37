import { SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON } from '@causeway/protocol';
import { describe, expect, test } from 'vitest';
import { peerId, type RawPeer } from '../../kit/peer.ts';
import { ending, useCluster } from '../fixture.ts';

const MOST = 256;
const cluster = useCluster();

const watch = (peer: RawPeer, ...names: string[]): void => peer.send({ type: 'watch', peers: names.map(peerId) });
const names = (count: number, prefix = 'p'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** The next change that the peer is told. */
async function told(peer: RawPeer): Promise<string> {
  const { peer: name, online } = await peer.next('presence');
  return `${name} ${online ? 'online' : 'offline'}`;
}

describe.each([
  [SUBPROTOCOL_BINARY, 0],
  [SUBPROTOCOL_BINARY, 1],
  [SUBPROTOCOL_JSON, 1],
] as const)('%s, watched from node 0, on node %i', (subprotocol, node) => {
  const name = `bob-${subprotocol}-${node}`;

  test('the present state comes at once, then each change', async () => {
    const watcher = await cluster.join(0, { peer: 'watcher' }, { subprotocol });
    watch(watcher, name);
    expect(await watcher.next('presence')).toMatchObject({ peer: name, online: false, at: 0 });
    const bob = await cluster.join(node, { peer: name });
    const { online, at } = await watcher.next('presence');
    expect(online).toBe(true);
    const late = await cluster.join(0, { peer: 'late' }, { subprotocol });
    watch(late, name);
    expect(await told(late)).toBe(`${name} online`);
    await bob.close();
    const gone = await watcher.next('presence');
    expect(gone.online).toBe(false);
    // Of the departure, not of the end of the grace time.
    expect(gone.at).toBeGreaterThanOrEqual(at);
    expect(await told(late)).toBe(`${name} offline`);
    watch(late, name);
    await cluster.join(node, { peer: name });
    expect(await told(late)).toBe(`${name} online`);
  });

  test('who is back within 2 s was never away', async () => {
    const watcher = await cluster.join(0, { peer: 'watcher' }, { subprotocol });
    await cluster.join(node, { peer: `${name}-2` });
    watch(watcher, `${name}-2`);
    expect(await told(watcher)).toBe(`${name}-2 online`);
    for (const next of [node, 1 - node, 1 - node, node]) {
      // Beside the old connection, then behind it.
      const again = await cluster.join(next, { peer: `${name}-2` });
      again.terminate();
      await again.closed;
      await cluster.join(next, { peer: `${name}-2` });
    }
    const last = await cluster.join(node, { peer: `${name}-2` });
    await last.close();
    expect(await told(watcher)).toBe(`${name}-2 offline`);
    expect(watcher.take('presence')).toEqual([]);
  });

  test('who is not watched any more is not told of', async () => {
    const watcher = await cluster.join(0, { peer: 'watcher' }, { subprotocol });
    watch(watcher, `${name}-3`, `${name}-4`);
    expect([await told(watcher), await told(watcher)].sort()).toEqual([`${name}-3 offline`, `${name}-4 offline`]);
    watcher.send({ type: 'unwatch', peers: [peerId(`${name}-3`), peerId('nobody')] });
    watcher.send({ type: 'ping', data: new Uint8Array(8) });
    await watcher.next('pong');
    await cluster.join(node, { peer: `${name}-3` });
    await cluster.join(node, { peer: `${name}-4` });
    expect(await told(watcher)).toBe(`${name}-4 online`);
    expect(watcher.take('presence')).toEqual([]);
  });
});

describe('256 peers', () => {
  test('may be watched, and one more is malformed', async () => {
    const watcher = await cluster.join(0, { peer: 'watcher' });
    watch(watcher, ...names(MOST));
    watch(watcher, ...names(MOST));
    const states = new Set<string>();
    while (states.size < MOST) states.add(await told(watcher));
    expect([...states].sort()).toEqual(
      names(MOST)
        .map((name) => `${name} offline`)
        .sort(),
    );
    watcher.send({ type: 'unwatch', peers: [peerId('p0')] });
    watch(watcher, 'one-more');
    await watcher.next('presence', ({ peer }) => peer === 'one-more');
    watch(watcher, 'too-many');
    expect(await ending(watcher)).toEqual(['malformed', 4400]);
  });

  test.each([SUBPROTOCOL_BINARY, SUBPROTOCOL_JSON] as const)(
    '257 in one frame are malformed, %s',
    async (subprotocol) => {
      const watcher = await cluster.join(0, { peer: 'watcher' }, { subprotocol });
      watch(watcher, ...names(MOST + 1));
      expect(await ending(watcher)).toEqual(['malformed', 4400]);
      const other = await cluster.join(0, { peer: 'watcher' }, { subprotocol });
      other.send({ type: 'unwatch', peers: names(MOST + 1).map(peerId) });
      expect(await ending(other)).toEqual(['malformed', 4400]);
    },
  );
});
