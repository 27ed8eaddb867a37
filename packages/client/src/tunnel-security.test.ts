import { peerIdOfKey } from '@causeway/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { Bridge } from '../test/bridge.ts';
import { bytesOf, readAll, TunnelKit, text } from '../test/tunnel-kit.ts';
import { generateIdentity } from './e2e/index.ts';
import {
  type ClientOptions,
  generateKey,
  type SecureTunnel,
  type Tunnel,
  type TunnelOffer,
  type TunnelSecurity,
  type WebKey,
} from './index.ts';

const kits: TunnelKit[] = [];

afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.stop();
});

async function started(options: Partial<ClientOptions>): Promise<TunnelKit> {
  const kit = await TunnelKit.start(options);
  kits.push(kit);
  return kit;
}

interface Names {
  readonly alice: string;
  readonly bob: string;
}

/** Two clients connected by way of a relay, which may tell each another name of the other. */
async function bridged(
  keys: { readonly alice?: WebKey; readonly bob?: WebKey } = {},
  told?: Names,
): Promise<{ readonly alice: TunnelKit; readonly bob: TunnelKit; readonly names: Names }> {
  const own = (name: 'alice' | 'bob') =>
    keys[name] ? { peer: peerIdOfKey(keys[name].publicKey), key: keys[name] } : { peer: name };
  const [alice, bob] = [await started(own('alice')), await started(own('bob'))];
  const names = told ?? { alice: own('alice').peer, bob: own('bob').peer };
  new Bridge([await alice.connected(), await bob.connected()], [names.alice, names.bob]);
  return { alice, bob, names };
}

/** What becomes of a tunnel from alice to bob. */
async function connect(
  { alice, bob, names }: Awaited<ReturnType<typeof bridged>>,
  ours: TunnelSecurity,
  theirs: TunnelSecurity,
): Promise<PromiseSettledResult<SecureTunnel>[]> {
  const offered = new Promise<TunnelOffer>((resolve) => bob.client.onTunnel(resolve));
  const connecting = alice.client.connectTo(names.bob, { meta: 'resume', security: ours });
  const accepting = offered.then((offer) => offer.accept({ security: theirs }));
  return Promise.allSettled([connecting, accepting]);
}

function both(outcomes: readonly PromiseSettledResult<SecureTunnel>[]): [SecureTunnel, SecureTunnel] {
  const tunnels = outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
  return tunnels as [SecureTunnel, SecureTunnel];
}

async function say(from: Tunnel, to: Tunnel, what: string): Promise<string> {
  const writer = from.writable.getWriter();
  void writer.write(bytesOf(what));
  void writer.close();
  return text(await readAll(to.readable));
}

const pake = (secret: string): TunnelSecurity => ({ kind: 'pake', secret });

describe('a shared secret', () => {
  it('encrypts, such as with one of an earlier tunnel', async () => {
    const [ours, theirs] = both(await connect(await bridged(), pake('shared'), pake('shared')));
    expect(await say(ours, theirs, 'hello')).toBe('hello');
    expect([ours.verifier, ours.remote]).toEqual([theirs.verifier, null]);
  });

  it('fails at both ends with different ones, and closes the tunnel', async () => {
    const outcomes = await connect(await bridged(), pake('one'), pake('another'));
    expect(outcomes).toMatchObject([{ reason: { code: 'wrong_code' } }, { reason: { code: 'wrong_code' } }]);
  });

  it('fails when the relay has told them of others than each other', async () => {
    const outcomes = await connect(await bridged({}, { alice: 'mallory', bob: 'bob' }), pake('shared'), pake('shared'));
    expect(outcomes).toMatchObject([{ reason: { code: 'wrong_code' } }, { reason: { code: 'wrong_code' } }]);
  });
});

describe('static keys', () => {
  it('let each end know the other, and reach only the one that is meant', async () => {
    const [first, second] = [generateIdentity(), generateIdentity()];
    const [ours, theirs] = both(
      await connect(
        await bridged(),
        { kind: 'noise', identity: first, remote: second.publicKey },
        { kind: 'noise', identity: second },
      ),
    );
    expect(await say(theirs, ours, 'hello')).toBe('hello');
    expect([ours.remote, theirs.remote]).toEqual([second.publicKey, first.publicKey]);
    expect(ours.remoteSigner).toBeNull();
    const outcomes = await connect(
      await bridged(),
      { kind: 'noise', remote: first.publicKey },
      { kind: 'noise', identity: second },
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('are proved by the keys that clients have as their ids', async () => {
    const keys = { alice: await generateKey(), bob: await generateKey() };
    const [ours, theirs] = both(await connect(await bridged(keys), { kind: 'noise' }, { kind: 'noise' }));
    expect([ours.remoteSigner, theirs.remoteSigner]).toEqual([keys.bob.publicKey, keys.alice.publicKey]);
    expect(await say(ours, theirs, 'hello')).toBe('hello');
  });

  it('are not enough where the id of a peer is a key that it cannot prove to have', async () => {
    const [key, meant] = [await generateKey(), peerIdOfKey((await generateKey()).publicKey)];
    const alice = await started({ peer: peerIdOfKey(key.publicKey), key });
    // A relay that lets anyone be anyone: all that the two know of each other is as it should be, but for the key.
    const impostor = await started({ peer: meant });
    const names = { alice: alice.client.peer ?? '', bob: meant };
    new Bridge([await alice.connected(), await impostor.connected()], [names.alice, names.bob]);
    const outcomes = await connect({ alice, bob: impostor, names }, { kind: 'noise' }, { kind: 'noise' });
    expect(outcomes[0]).toMatchObject({ reason: { name: 'SecurityError', code: 'wrong_peer' } });
    expect(outcomes[1]?.status).toBe('rejected');
  });
});
