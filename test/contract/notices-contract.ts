import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { peerKey, realmOf } from '../../services/relay/src/core/address.ts';
import type { Notice } from '../../services/relay/src/core/shared-ports.ts';
import { waitFor } from '../kit/wait.ts';
import { newRealm } from './fixtures.ts';
import type { Implementation } from './implementation.ts';

export function noticesContract(get: () => Implementation): void {
  /** What a new listener is told of a realm of its own, once it has been told anything. */
  const listen = async () => {
    const realm = newRealm();
    const notice = (reason: string, name = 'peer'): Notice => {
      return { kind: 'disconnect', key: peerKey(realm, name as PeerId), reason };
    };
    let heard = false;
    const told: string[] = [];
    get().store.notices.onNotice((one) => {
      heard = true;
      const isOwn = one.kind === 'disconnect' && realmOf(one.key) === realm && one.reason !== 'first';
      if (isOwn) told.push(JSON.stringify(one));
    });
    const publishFirst = async () => {
      await get().store.notices.publish(notice('first'));
      return heard;
    };
    // Until it is subscribed, what is published is lost.
    await waitFor(publishFirst, { what: 'notices arrive' });
    return { told, notice };
  };

  test('every listener is told once, what the node publishes itself as well', async () => {
    const { told, notice } = await listen();
    const others: string[] = [];
    get().store.notices.onNotice((one) => others.push(JSON.stringify(one)));
    const sent = [notice('1'), notice('"\u{1f980}\n', '}"é'), notice('3')];
    for (const one of sent) expect(await get().store.notices.publish(one)).toEqual({ kind: 'published' });
    await waitFor(() => told.length >= sent.length, { what: 'all have arrived' });
    const expected = sent.map((one) => JSON.stringify(one)).sort();
    expect([...told].sort()).toEqual(expected);
    expect(others.filter((one) => expected.includes(one)).sort()).toEqual(expected);
  });

  test('a notice does not come within the call that publishes it', async () => {
    const { told, notice } = await listen();
    const reply = get().store.notices.publish(notice('later'));
    expect(told).toEqual([]);
    await reply;
    await waitFor(() => told.length > 0, { what: 'it has arrived' });
    expect(told).toEqual([JSON.stringify(notice('later'))]);
  });
}
