import { describe, expect, test } from 'vitest';
import type { RawPeer } from '../kit/peer.ts';
import { waitFor } from '../kit/wait.ts';
import { ending, outcomes, text, useCluster } from './fixture.ts';

const MINE = new Uint8Array(32).fill(1);
const THEIRS = new Uint8Array(32).fill(2);

/** What answers a HELLO: `welcome`, or the code of an ERROR and the close code behind it. */
async function answer(peer: RawPeer): Promise<string> {
  const refused = ending(peer).then(([code, close]) => `${code} ${close}`);
  // The connection of one that is welcome ends with the test.
  refused.catch(() => undefined);
  return Promise.race([peer.next('welcome').then(({ type }) => type), refused]);
}

describe('under the policy open-sticky', () => {
  const cluster = useCluster({ env: { CAUSEWAY_AUTH: 'open-sticky' } });

  test('the secret renews the reservation on another node: same limits, higher epoch, later expiry', async () => {
    const first = await cluster.connect(0);
    const before = await first.hello({ peer: 'bob', resume: MINE, attempt: 1 });
    expect(before.reservation.renewed).toBe(false);
    first.terminate();
    const second = await cluster.connect(1);
    const after = await second.hello({ peer: 'bob', resume: MINE, attempt: 2 });
    expect(after.node).not.toBe(before.node);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(after.reservation.renewed).toBe(true);
    expect(after.reservation.limits).toEqual(before.reservation.limits);
    expect(after.reservation.expiresAt).toBeGreaterThan(before.reservation.expiresAt);
    const third = await cluster.connect(0);
    const last = await third.hello({ peer: 'bob', resume: MINE, attempt: 3 });
    expect(last.epoch).toBeGreaterThan(after.epoch);
    expect((await second.closed).code).toBe(4409);
  });

  test.each([
    ['another secret', 'carol', { resume: THEIRS }],
    ['another secret and a higher attempt', 'cathy', { resume: THEIRS, attempt: 99 }],
    ['no secret', 'conny', {}],
  ])('%s is refused, online and offline, on both nodes', async (_, peer, other) => {
    const owner = await cluster.join(0, { peer, resume: MINE, attempt: 1 });
    for (const node of [0, 1]) {
      const thief = await cluster.connect(node);
      thief.sendHello({ peer, ...other });
      expect(await answer(thief)).toBe('peer_in_use 4403');
    }
    const alice = await cluster.join(1, { peer: 'alice', resume: MINE });
    const id = alice.message(peer, 'still yours');
    owner.ack((await owner.next('deliver')).seq);
    expect(await outcomes(alice, id)).toEqual(['delivered']);
    await owner.close();
    const stored = alice.message(peer, 'kept');
    expect(await outcomes(alice, stored)).toEqual(['queued']);
    for (const node of [0, 1]) {
      const thief = await cluster.connect(node);
      thief.sendHello({ peer, ...other });
      expect(await answer(thief)).toBe('peer_in_use 4403');
    }
    const back = await cluster.join(1, { peer, resume: MINE, attempt: 2 });
    expect(text((await back.next('deliver')).payload)).toBe('kept');
    back.ack(1);
    await back.close();
  });

  test.each([0, 1])('an abandoned attempt that comes late, to node %i, does not displace a newer one', async (node) => {
    const peer = `dave-${node}`;
    const newer = await cluster.join(0, { peer, resume: MINE, attempt: 5 });
    const late = await cluster.connect(node);
    late.sendHello({ peer, resume: MINE, attempt: 4 });
    expect((await late.closed).code).toBe(4409);
    expect([late.take('welcome'), late.take('error')]).toEqual([[], []]);
    const alice = await cluster.join(1, { peer: 'alice', resume: MINE });
    const id = alice.message(peer, 'hi');
    newer.ack((await newer.next('deliver')).seq);
    expect(await outcomes(alice, id)).toEqual(['delivered']);
    // The same number again is a new connection of the same try, not an older one.
    const equal = await cluster.connect(node);
    expect((await equal.hello({ peer, resume: MINE, attempt: 5 })).reservation.renewed).toBe(true);
  });

  test('realms have reservations of their own', async () => {
    await cluster.join(0, { peer: 'erin', realm: 'north', resume: MINE });
    const south = await cluster.connect(1);
    expect((await south.hello({ peer: 'erin', realm: 'south', resume: THEIRS })).reservation.renewed).toBe(false);
  });
});

describe('under the policy open', () => {
  const cluster = useCluster();

  test('another secret takes the id over, and renews nothing', async () => {
    const first = await cluster.join(0, { peer: 'bob', resume: MINE, attempt: 7 });
    const second = await cluster.connect(1);
    const welcome = await second.hello({ peer: 'bob', resume: THEIRS, attempt: 1 });
    expect(welcome.reservation.renewed).toBe(false);
    expect((await first.closed).code).toBe(4409);
    const third = await cluster.connect(0);
    expect((await third.hello({ peer: 'bob', resume: MINE, attempt: 8 })).reservation.renewed).toBe(false);
    expect((await second.closed).code).toBe(4409);
  });
});

describe('with a time to live of 1 s', () => {
  const cluster = useCluster({ env: { CAUSEWAY_AUTH: 'open-sticky', CAUSEWAY_RESERVATION_TTL_SECONDS: '1' } });

  const tries = async (node: number, resume: Uint8Array, peer: string): Promise<string> => {
    const other = await cluster.connect(node);
    other.sendHello({ peer, resume });
    return answer(other);
  };

  test('the id is free when its owner has gone and the time has passed', async () => {
    const owner = await cluster.connect(0);
    const { reservation } = await owner.hello({ peer: 'bob', resume: MINE });
    expect(reservation.ttlMs).toBe(1000);
    await owner.close();
    expect(await tries(1, THEIRS, 'bob')).toBe('peer_in_use 4403');
    const answered = await waitFor(
      async () => {
        const result = await tries(1, THEIRS, 'bob');
        return result === 'peer_in_use 4403' ? false : result;
      },
      { what: 'the id is free' },
    );
    expect(answered).toBe('welcome');
    expect(Date.now()).toBeGreaterThan(reservation.expiresAt);
    // And now it is the newcomer's.
    expect(await tries(0, MINE, 'bob')).toBe('peer_in_use 4403');
  });

  test('it is not, as long as the owner is connected', async () => {
    const owner = await cluster.connect(0);
    const { reservation } = await owner.hello({ peer: 'carol', resume: MINE });
    await waitFor(() => Date.now() > reservation.expiresAt + 500, { what: 'the first term is over' });
    expect(await tries(1, THEIRS, 'carol')).toBe('peer_in_use 4403');
    owner.send({ type: 'ping', data: new Uint8Array(8) });
    await owner.next('pong');
  });
});
