import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { REALM, Script } from '../../../../test/simulation/core-kit.ts';
import { World } from '../../../../test/simulation/world.ts';
import type { PeerKey } from './address.ts';
import type { Connection } from './connection.ts';
import type { PresenceBoard } from './presence-board.ts';
import type { Quotas } from './quotas.ts';
import { Watching } from './watching.ts';

const [ANN, BEN, CAT] = ['ann', 'ben', 'cat'] as [PeerId, PeerId, PeerId];

function setUp({ capped = true } = {}) {
  const world = new World();
  const claims = new Script<[unknown, number], boolean>();
  const events: string[] = [];
  let places = 0;
  const quotas: Pick<Quotas, 'watch' | 'unwatch'> = {
    watch(realm, amount) {
      if (!capped) places += amount;
      return capped ? claims.call(realm, amount) : true;
    },
    unwatch(_realm, amount) {
      places -= amount;
    },
  };
  const presence = {
    watch: (key: PeerKey) => void events.push(`watch ${key}`),
    unwatch: (key: PeerKey) => void events.push(`unwatch ${key}`),
  };
  const connection = {
    send: (frame: { type: string; scope?: string }) => void events.push(`${frame.type} ${frame.scope}`),
  } as unknown as Connection;
  const watching = new Watching(REALM, connection, presence as unknown as PresenceBoard, quotas as Quotas);
  return {
    ...{ watching, events, claims },
    places: () => places,
    async answer(granted: boolean) {
      if (granted) places += claims.calls[claims.calls.length - claims.open]?.[1] ?? 0;
      await claims.answer(granted, world);
    },
  };
}

test('without a cap peers are watched at once, and each once', () => {
  const { watching, events, places } = setUp({ capped: false });
  expect([watching.add([ANN, BEN]), watching.add([BEN, CAT])]).toEqual([true, true]);
  watching.remove(BEN);
  expect(events).toEqual(['watch r/ann', 'watch r/ben', 'watch r/cat', 'unwatch r/ben']);
  watching.close();
  expect(places()).toBe(0);
});

test('with a cap they are watched when there is room', async () => {
  const { watching, events, answer, places } = setUp();
  watching.add([ANN, BEN]);
  expect(events).toEqual([]);
  await answer(true);
  expect(events).toEqual(['watch r/ann', 'watch r/ben']);
  watching.close();
  expect(places()).toBe(0);
});

test('without room they are not, the client is told when to try again, and may', async () => {
  const { watching, events, answer, places } = setUp();
  watching.add([ANN, BEN]);
  await answer(false);
  expect(events).toEqual(['throttle realm']);
  watching.add([ANN]);
  await answer(true);
  expect(events).toEqual(['throttle realm', 'watch r/ann']);
  expect(places()).toBe(1);
});

test('a peer that is removed before the answer is not watched, and gives its place back', async () => {
  const { watching, events, answer, places } = setUp();
  watching.add([ANN, BEN]);
  watching.remove(ANN);
  await answer(true);
  expect([events, places()]).toEqual([['watch r/ben'], 1]);
});

test('a peer that was removed and added again before the answer has one place', async () => {
  const { watching, events, answer, places } = setUp();
  watching.add([ANN]);
  watching.remove(ANN);
  watching.add([ANN]);
  await answer(true);
  await answer(true);
  expect([events, places()]).toEqual([['watch r/ann'], 1]);
});

test('a connection that closes before the answer hears nothing, and leaves no place taken', async () => {
  const { watching, events, answer, places } = setUp();
  watching.add([ANN]);
  watching.add([BEN]);
  watching.close();
  await answer(true);
  await answer(false);
  expect([events, places()]).toEqual([[], 0]);
});
