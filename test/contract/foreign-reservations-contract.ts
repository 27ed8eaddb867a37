import { expect, test } from 'vitest';
import type { PeerKey } from '../../services/relay/src/core/address.ts';
import { HOUR, leave, newPeer, of, register } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function foreignReservationsContract(get: () => Implementation): void {
  const port = () => get().store.foreignReservations;
  const put = (key: PeerKey, epoch: number, holder = 'one', ttlMs = HOUR, data = '') =>
    port().put(key, { holder, epoch, data }, ttlMs);
  const found = async (key: PeerKey) => of('got', await port().get(key)).reservation;

  test('what was put is found, with its end by the clock of the store', async () => {
    const key = newPeer('ü}{/');
    expect(await found(key)).toBeNull();
    const { expiresAt } = of('put', await put(key, 7, 'holder é', HOUR, '{"a":1}'));
    expect(await found(key)).toEqual({ holder: 'holder é', epoch: 7, expiresAt, data: '{"a":1}', native: false });
    expect(Math.abs(expiresAt - Date.now() - HOUR)).toBeLessThan(HOUR / 2);
  });

  test('its holder extends it and changes its data, under the same epoch or a higher one', async () => {
    const key = newPeer();
    const first = of('put', await put(key, 7, 'one', HOUR));
    const second = of('put', await put(key, 7, 'one', 2 * HOUR, 'new'));
    expect(second.expiresAt).toBeGreaterThan(first.expiresAt);
    expect(await found(key)).toMatchObject({ epoch: 7, data: 'new', expiresAt: second.expiresAt });
    of('put', await put(key, 8));
    expect(await put(key, 7)).toEqual({ kind: 'conflict', epoch: 8 });
    expect(await found(key)).toMatchObject({ epoch: 8, data: '' });
  });

  test('another holder takes it with a higher epoch only', async () => {
    const key = newPeer();
    await put(key, 7);
    for (const epoch of [6, 7]) expect(await put(key, epoch, 'two')).toEqual({ kind: 'conflict', epoch: 7 });
    expect(await found(key)).toMatchObject({ holder: 'one' });
    of('put', await put(key, 8, 'two'));
    expect(await put(key, 7, 'one')).toEqual({ kind: 'conflict', epoch: 8 });
    expect(await found(key)).toMatchObject({ holder: 'two', epoch: 8 });
  });

  test('epochs as large as they may be are told apart', async () => {
    const key = newPeer();
    const epoch = Number.MAX_SAFE_INTEGER - 1;
    of('put', await put(key, epoch));
    expect(await put(key, epoch - 1, 'two')).toEqual({ kind: 'conflict', epoch });
    of('put', await put(key, epoch + 1, 'two'));
    expect(await found(key)).toMatchObject({ epoch: epoch + 1 });
  });

  test('it ends by itself', async () => {
    const key = newPeer();
    await put(key, 7, 'one', 40);
    await get().advance(50);
    expect(await found(key)).toBeNull();
    expect(await port().delete(key, 7)).toEqual({ kind: 'missing' });
    of('put', await put(key, 1, 'two'));
  });

  test('it is deleted under its epoch or a higher one, once', async () => {
    const key = newPeer();
    expect(await port().delete(key, 7)).toEqual({ kind: 'missing' });
    await put(key, 7);
    expect(await port().delete(key, 6)).toEqual({ kind: 'conflict', epoch: 7 });
    expect(await found(key)).toMatchObject({ epoch: 7 });
    expect(await port().delete(key, 7)).toEqual({ kind: 'deleted' });
    expect(await port().delete(key, 7)).toEqual({ kind: 'missing' });
    expect(await found(key)).toBeNull();
  });

  test('the registration on a node counts by its epoch, as long as it lasts', async () => {
    const key = newPeer();
    await put(key, 7);
    const online = await register(get().store, key);
    const { node, epoch, expiresAt } = online;
    expect(await found(key)).toEqual({ holder: node, epoch, expiresAt, data: '', native: true });
    for (const lower of [8, epoch]) expect(await put(key, lower)).toEqual({ kind: 'conflict', epoch });
    of('put', await put(key, epoch + 1));
    expect(await found(key)).toMatchObject({ holder: 'one', epoch: epoch + 1, native: false });
    await port().delete(key, epoch + 1);
    expect(await found(key)).toMatchObject({ native: true });
    await leave(get().store, key, online);
    expect(await found(key)).toBeNull();
    of('put', await put(key, 1));
  });
}
