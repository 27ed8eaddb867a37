import { describe, expect, test } from 'vitest';
import { HOUR, leave, newNode, newPeer, newWriter, OTHER_SECRET, of, register, request, SECRET } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function registrationContract(get: () => Implementation): void {
  const directory = () => get().store.directory;
  const locate = async (key: ReturnType<typeof newPeer>) =>
    directory().locateOrStore(key, newWriter()(), [], { messages: 1, bytes: 1000, ttlMs: HOUR });

  test('a first registration has no predecessors, and is where the peer is found', async () => {
    const key = newPeer();
    const online = await register(get().store, key, { limits: { messagesPerSecond: 5 } });
    expect(online).toMatchObject({ prev: [], renewed: false, limits: { messagesPerSecond: 5 }, queued: 0, seen: '' });
    expect(await locate(key)).toEqual({ kind: 'located', location: { node: online.node, epoch: online.epoch } });
  });

  test('a repeated registration gets the same answer, also after a newer one', async () => {
    const key = newPeer();
    const first = request(key);
    const answer = await directory().register(first);
    expect(await directory().register(first)).toEqual(answer);

    const second = await register(get().store, key);
    expect(second.prev).toEqual([{ node: first.node, epoch: of('registered', answer).epoch }]);
    expect(await directory().register(first)).toMatchObject({ epoch: of('registered', answer).epoch, prev: [] });
    expect(await locate(key)).toMatchObject({ location: { node: second.node, epoch: second.epoch } });
  });

  test('epochs grow and predecessors are listed oldest first', async () => {
    const key = newPeer();
    const node = newNode();
    const all = [];
    for (let count = 0; count < 5; count++) all.push(await register(get().store, key, count % 2 ? { node } : {}));
    const epochs = all.map(({ epoch }) => epoch);
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
    expect(all[4]?.prev).toEqual(all.slice(0, 4).map((one) => ({ node: one.node, epoch: one.epoch })));
  });

  test('registrations at the same time are put in one order', async () => {
    const key = newPeer();
    const all = await Promise.all(Array.from({ length: 6 }, () => register(get().store, key)));
    all.sort((a, b) => a.epoch - b.epoch);
    for (const [index, { prev }] of all.entries()) {
      expect(prev).toEqual(all.slice(0, index).map(({ node, epoch }) => ({ node, epoch })));
    }
  });

  test('the epoch goes on growing after the peer was offline', async () => {
    const key = newPeer();
    const first = await register(get().store, key);
    await leave(get().store, key, first);
    const second = await register(get().store, key);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(second.prev).toEqual([]);
  });

  test('a ninth handover is refused and changes nothing', async () => {
    const key = newPeer();
    let online = await register(get().store, key);
    const oldest = online;
    for (let count = 0; count < 8; count++) online = await register(get().store, key);
    expect(online.prev).toHaveLength(8);
    expect(await directory().register(request(key))).toEqual({ kind: 'too_many_handovers' });
    expect(await locate(key)).toMatchObject({ location: { epoch: online.epoch } });

    await leave(get().store, key, oldest);
    const next = await register(get().store, key);
    expect(next.prev).toHaveLength(8);
    expect(next.prev.at(-1)?.epoch).toBe(online.epoch);
  });

  test('the right secret renews a live reservation, which keeps its limits', async () => {
    const key = newPeer();
    const first = await register(get().store, key, { limits: { bytesPerSecond: 7 } });
    await leave(get().store, key, first);
    await get().advance(10);
    const renewed = await register(get().store, key, { limits: { bytesPerSecond: 100 } });
    expect(renewed).toMatchObject({ renewed: true, limits: { bytesPerSecond: 7 } });
    expect(renewed.expiresAt).toBeGreaterThan(first.expiresAt);
  });

  test.each([
    ['another secret', { resumeHash: OTHER_SECRET }],
    ['no secret', { resumeHash: '' }],
  ])('%s makes a new reservation with the limits of the request', async (_, changes) => {
    const key = newPeer();
    await register(get().store, key, { limits: { bytesPerSecond: 7 } });
    const next = await register(get().store, key, { ...changes, limits: { messagesPerSecond: 1 } });
    expect(next).toMatchObject({ renewed: false, limits: { messagesPerSecond: 1 } });
  });

  test('two registrations without a secret do not renew one another', async () => {
    const key = newPeer();
    await register(get().store, key, { resumeHash: '' });
    expect(await register(get().store, key, { resumeHash: '' })).toMatchObject({ renewed: false });
  });

  test('sticky: a live reservation is refused to another secret and to none, online or not', async () => {
    const key = newPeer();
    const online = await register(get().store, key);
    const refused = { kind: 'peer_in_use' };
    expect(await directory().register(request(key, { sticky: true, resumeHash: OTHER_SECRET }))).toEqual(refused);
    expect(await directory().register(request(key, { sticky: true, resumeHash: '' }))).toEqual(refused);
    await leave(get().store, key, online);
    expect(await directory().register(request(key, { sticky: true, resumeHash: OTHER_SECRET }))).toEqual(refused);
    expect(await register(get().store, key, { sticky: true, resumeHash: SECRET })).toMatchObject({ renewed: true });
  });

  test('sticky: a reservation without a secret can be proved by nobody', async () => {
    const key = newPeer();
    await register(get().store, key, { resumeHash: '', sticky: true });
    expect(await directory().register(request(key, { sticky: true, resumeHash: '' }))).toEqual({ kind: 'peer_in_use' });
  });

  test('sticky: an expired reservation is free', async () => {
    const key = newPeer();
    const first = await register(get().store, key, { ttlMs: 40, limits: { bytesPerSecond: 7 } });
    await leave(get().store, key, first);
    await get().advance(50);
    const taken = await register(get().store, key, { sticky: true, resumeHash: OTHER_SECRET });
    expect(taken).toMatchObject({ renewed: false, limits: {} });
  });

  test('an expired reservation is not renewed, and its owner is still found until it hands over', async () => {
    const key = newPeer();
    const first = await register(get().store, key, { ttlMs: 40 });
    await get().advance(50);
    expect(await locate(key)).toMatchObject({ kind: 'located', location: { epoch: first.epoch } });
    const next = await register(get().store, key);
    expect(next).toMatchObject({ renewed: false, prev: [{ epoch: first.epoch }] });
  });

  test('a late attempt of the same client is superseded; an equal, newer or unnumbered one is not', async () => {
    const key = newPeer();
    await register(get().store, key, { attempt: 5 });
    expect(await directory().register(request(key, { attempt: 4 }))).toEqual({ kind: 'superseded' });
    await register(get().store, key, { attempt: 5 });
    await register(get().store, key, { attempt: 6 });
    expect(await directory().register(request(key, { attempt: 5 }))).toEqual({ kind: 'superseded' });
    await register(get().store, key, { attempt: null });
    await register(get().store, key, { attempt: 1 });
  });

  test('attempts of another secret are not compared', async () => {
    const key = newPeer();
    await register(get().store, key, { attempt: 5 });
    await register(get().store, key, { attempt: 1, resumeHash: OTHER_SECRET });
  });

  test('attempt 0 is a number', async () => {
    const key = newPeer();
    await register(get().store, key, { attempt: 1 });
    expect(await directory().register(request(key, { attempt: 0 }))).toEqual({ kind: 'superseded' });
  });

  test('a refresh extends the owner and never creates a location', async () => {
    const key = newPeer();
    const online = await register(get().store, key, { ttlMs: 1000 });
    const refreshed = of('refreshed', await directory().refresh(key, online, HOUR));
    expect(refreshed.expiresAt).toBeGreaterThan(online.expiresAt);
    const wrong = { node: online.node, epoch: online.epoch - 1 };
    expect(await directory().refresh(key, wrong, HOUR)).toEqual({ kind: 'lost' });
    expect(await directory().refresh(key, { node: newNode(), epoch: online.epoch }, HOUR)).toEqual({ kind: 'lost' });

    const absent = newPeer();
    expect(await directory().refresh(absent, online, HOUR)).toEqual({ kind: 'lost' });
    expect(await locate(absent)).toMatchObject({ kind: 'stored', count: 0 });
    await register(get().store, key);
    expect(await directory().refresh(key, online, HOUR)).toEqual({ kind: 'lost' });
  });

  describe('made again', () => {
    test('what the store has lost is there again, for the same connection, under a new epoch', async () => {
      const key = newPeer();
      const first = request(key);
      const lost = of('registered', await directory().register(first));
      await get().losePeer(key);
      await get().advance(1);
      const again = { ...first, reclaims: lost.epoch };
      const answer = of('registered', await directory().register(again));
      expect(answer).toMatchObject({ prev: [], renewed: false, queued: 0, seen: '', watchers: [] });
      expect(answer.epoch).toBeGreaterThan(lost.epoch);
      expect(await locate(key)).toEqual({ kind: 'located', location: { node: first.node, epoch: answer.epoch } });
      expect(await directory().register(again)).toEqual(answer);
    });

    test('what it has not lost is answered as before', async () => {
      const key = newPeer();
      const first = request(key);
      const answer = of('registered', await directory().register(first));
      expect(await directory().register({ ...first, reclaims: answer.epoch })).toEqual(answer);
      await register(get().store, key);
      expect(await directory().register({ ...first, reclaims: answer.epoch })).toMatchObject({ epoch: answer.epoch });
    });

    test('a newer owner is not replaced; an older one is, and hands over', async () => {
      const key = newPeer();
      const owner = await register(get().store, key);
      expect(await directory().register(request(key, { reclaims: owner.epoch - 1 }))).toEqual({ kind: 'superseded' });
      expect(await locate(key)).toMatchObject({ location: { node: owner.node, epoch: owner.epoch } });
      const again = await register(get().store, key, { reclaims: owner.epoch + 1 });
      expect(again.prev).toEqual([{ node: owner.node, epoch: owner.epoch }]);
    });

    test('one that has ended is not', async () => {
      const key = newPeer();
      const first = request(key);
      const { epoch } = of('registered', await directory().register(first));
      await leave(get().store, key, { ...of('registered', await directory().register(first)), node: first.node });
      expect(await directory().register({ ...first, reclaims: epoch })).toEqual({ kind: 'superseded' });
    });
  });
}
