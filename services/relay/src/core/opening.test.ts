import { type ClientFrame, CloseCode, NONCE_BYTES, PUBLIC_KEY_BYTES, RESUME_BYTES } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { A, Client, Script, TestCluster, withMethods } from '../../../../test/simulation/core-kit.ts';
import { openAuthenticator } from '../../../../test/simulation/open-authenticator.ts';
import type { Authenticator, Member } from './authenticator.ts';
import type { RegisterReply, RegisterRequest, ReservationLimits } from './ports.ts';

const BY_KEY = { auth: { scheme: 'key' as const, publicKey: new Uint8Array(PUBLIC_KEY_BYTES) } };
const PROOF: ClientFrame = { type: 'proof', signature: new Uint8Array(64) };
const MOST = 10_000;

/** Challenges who comes with a key, and believes every answer. */
const challenging: Authenticator['authenticate'] = async (hello, origin, prove) => {
  if (hello.auth?.scheme === 'key' && (await prove(new Uint8Array(NONCE_BYTES))) === null) {
    return { kind: 'refused', code: 'timeout', message: 'gone' };
  }
  return openAuthenticator.authenticate(hello, origin, prove);
};

function clusterWith(authenticator: Partial<Authenticator>): TestCluster {
  const cluster = new TestCluster();
  cluster.authenticator = { ...openAuthenticator, ...authenticator };
  return cluster;
}

test('who is banned while it registers is sent away as soon as it is registered', async () => {
  const cluster = clusterWith({ recheck: () => ({ kind: 'refused', code: 'forbidden', message: 'banned' }) });
  const { relay } = await cluster.start(A);
  const client = new Client(relay);
  client.hello('bob');
  await cluster.run();
  expect([client.take(), client.closedWith]).toEqual([['welcome', 'error forbidden'], CloseCode.forbidden]);
  client.hangUp();
  await cluster.run(100);
  expect([relay.gauges(0).registrations, relay.counters.expelled]).toEqual([0, 1]);
});

test('those who do not answer a challenge take no place of those who register', async () => {
  const cluster = clusterWith({ authenticate: challenging });
  const { relay } = await cluster.start(A);
  const silent = Array.from({ length: MOST }, () => new Client(relay));
  for (const [index, client] of silent.entries()) client.hello(`silent-${index}`, BY_KEY);
  await cluster.run();
  expect(silent.every((client) => client.take()[0] === 'challenge')).toBe(true);
  const late = new Client(relay);
  late.hello('late');
  await cluster.run(5);
  expect(late.take()).toEqual(['welcome']);
});

test('an answer that comes while too many register is refused; a place is taken once for each', async () => {
  const cluster = clusterWith({ authenticate: challenging });
  const register = new Script<[RegisterRequest], RegisterReply>();
  const { relay } = await cluster.start(A, {}, ({ directory }) => ({
    directory: withMethods(directory, { register: register.call }),
  }));
  const [one, gone] = [new Client(relay), new Client(relay)];
  one.hello('one', BY_KEY);
  gone.hello('gone', BY_KEY);
  await cluster.run();
  gone.hangUp();
  await cluster.run();
  const others = Array.from({ length: MOST }, () => new Client(relay));
  for (const [index, client] of others.entries()) client.hello(`peer-${index}`);
  await cluster.run();
  expect(others.some((client) => client.closedWith !== 0)).toBe(false);
  one.say(PROOF);
  await cluster.run();
  expect([one.take(), one.closedWith]).toEqual([['challenge', 'error unavailable'], CloseCode.unavailable]);
  expect(relay.counters.drops.registration_limit).toBe(1);
});

test('a renewed reservation keeps the limits of which the token says nothing now', async () => {
  let limits: ReservationLimits = { messagesPerSecond: 9, bytesPerSecond: 900 };
  const cluster = clusterWith({
    authenticate: async (...args) => ({ ...((await openAuthenticator.authenticate(...args)) as Member), limits }),
  });
  const { relay } = await cluster.start(A);
  const come = async () => {
    const client = new Client(relay);
    client.hello('bob', { resume: new Uint8Array(RESUME_BYTES) });
    await cluster.run(5);
    return client.frames.flatMap((frame) => (frame.type === 'welcome' ? [frame.reservation] : []))[0];
  };
  expect((await come())?.limits).toEqual({ messagesPerSecond: 9, bytesPerSecond: 900 });
  limits = { messagesPerSecond: 3 };
  expect(await come()).toMatchObject({ renewed: true, limits: { messagesPerSecond: 3, bytesPerSecond: 900 } });
  limits = {};
  expect(await come()).toMatchObject({ renewed: true, limits: { messagesPerSecond: 9, bytesPerSecond: 900 } });
});
