import { expect, test } from 'vitest';
import { A, come, key, Script, TestCluster, UNAVAILABLE, withMethods } from '../../../../test/simulation/core-kit.ts';
import type { Directory, Membership, RegisterReply, RegisterRequest } from './ports.ts';

/** As many registrations as may ask the store at once. */
const AT_ONCE = 8;

async function scripted() {
  const cluster = new TestCluster();
  const register = new Script<[RegisterRequest], RegisterReply>();
  let isAway = false;
  const node = await cluster.start(A, {}, ({ directory, membership }) => ({
    directory: withMethods(directory, { register: register.call }),
    membership: withMethods<Membership>(membership, {
      renew: async (record, leaseMs) => (isAway ? UNAVAILABLE : membership.renew(record, leaseMs)),
    }),
  }));
  const away = (yes: boolean): void => {
    isAway = yes;
  };
  return { cluster, register, away, ...node };
}

const REGISTERED: RegisterReply = {
  kind: 'registered',
  epoch: 1,
  prev: [],
  renewed: false,
  expiresAt: 0,
  limits: {},
  queued: 0,
  seen: '',
  watchers: [],
};

test('a registration whose turn comes too late is refused, and the store is not asked', async () => {
  const { cluster, register, relay } = await scripted();
  const first = Array.from({ length: AT_ONCE }, (_, number) => come(relay, `peer${number}`));
  const late = come(relay, 'late');
  await cluster.run(4000);
  expect(register.calls).toHaveLength(AT_ONCE);
  for (const _ of first) await register.answer(REGISTERED, cluster.world);
  await cluster.run();
  expect(register.calls).toHaveLength(AT_ONCE);
  expect(late.take()).toEqual(['error unavailable']);
  expect(first.flatMap((client) => client.take())).toEqual(first.map(() => 'welcome'));
});

test('a node that is cut off while it registers a peer welcomes it when it knows that its lease holds', async () => {
  const { cluster, register, away, relay } = await scripted();
  const client = come(relay, 'bob');
  await cluster.run();
  away(true);
  await cluster.run(6000);
  await register.answer(REGISTERED, cluster.world);
  await cluster.run(1000);
  expect(client.take()).toEqual([]);
  away(false);
  await cluster.run(1000);
  expect(client.take()).toEqual(['welcome']);
});

test('what has waited for a registration comes behind its WELCOME', async () => {
  const cluster = new TestCluster();
  let goOn = (): void => undefined;
  const { relay } = await cluster.start(A, {}, ({ directory }) => ({
    directory: withMethods<Directory>(directory, {
      register: async (request) => {
        if (request.key === key('bob')) await new Promise<void>((resolve) => (goOn = resolve));
        return directory.register(request);
      },
    }),
  }));
  const alice = await cluster.connect(relay, 'alice');
  const bob = come(relay, 'bob');
  await cluster.run();
  alice.sendTo('bob', 1);
  goOn();
  await cluster.run(10);
  expect(bob.take()).toEqual(['welcome', 'deliver 1 alice 1']);
});
