import { generateKeyPairSync, sign } from 'node:crypto';
import {
  type HelloFrame,
  type NodeId,
  type PeerId,
  peerIdOfKey,
  proofMessage,
  type RealmName,
} from '@causeway/protocol';
import type { JWTPayload } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ACME,
  HandClock,
  helloWith,
  type Issuer,
  issuer,
  keysOf,
  NOW,
  tokenScheme,
} from '../../../../test/kit/token-kit.ts';
import type { Member } from '../core/authenticator.ts';
import { Policy, type PolicyDocument } from '../core/policy.ts';
import type { Attempts } from '../core/shared-ports.ts';
import type { AdmissionHook } from './admission-hook.ts';
import { Gatekeeper, type GatekeeperDeps } from './gatekeeper.ts';
import { AccessLists, NO_LISTS } from './lists.ts';

const REALMS = {
  'tok.en': { auth: 'token' },
  acme: { auth: 'token' },
  keys: { auth: 'key' },
  sticky: { auth: 'open-sticky' },
} as const satisfies PolicyDocument['realms'];
const ORIGIN = { address: '192.0.2.1' };
const ALICE = 'alice' as PeerId;

let signer: Issuer;
let clock: HandClock;
/** What is asked of the counters, and how long they say to wait. */
let counted: string[];
let waits: Record<string, number>;
let lists: AccessLists;

beforeAll(async () => {
  signer = await issuer('EdDSA', 'k1');
});

beforeEach(() => {
  clock = new HandClock();
  counted = [];
  waits = {};
  lists = NO_LISTS;
});

const attempts: Attempts = {
  async take(attempt, subject) {
    counted.push(`${attempt} ${subject}`);
    return waits[attempt] ?? 0;
  },
  blockedFor: async (attempt) => waits[`blocked ${attempt}`] ?? 0,
};

function gatekeeper(rest: Partial<GatekeeperDeps> = {}): Gatekeeper {
  return new Gatekeeper({
    node: () => 'n1' as NodeId,
    realms: [],
    defaultPolicy: 'open',
    policy: () => new Policy({ realms: REALMS }, 1, 65_536),
    lists: () => lists,
    attempts,
    clock,
    randomPeerId: () => 'random' as PeerId,
    tokens: tokenScheme(keysOf(signer.jwk), { clock }),
    admission: null,
    ...rest,
  });
}

const noProof = () => Promise.reject(new Error('asked for a proof'));

function hello(realm: string, rest: Partial<HelloFrame> = {}): HelloFrame {
  return { type: 'hello', v: 1, realm: realm as RealmName, ...rest };
}

const open = (keeper: Gatekeeper, frame: HelloFrame) => keeper.authenticate(frame, ORIGIN, noProof);

async function byToken(keeper: Gatekeeper, claims: JWTPayload = {}) {
  return keeper.authenticate(helloWith(await signer.sign(claims)), ORIGIN, noProof);
}

/** Bans and revocations as operators write them. */
function listed(document: Partial<Record<'bans' | 'allow' | 'revocations', object[]>>): AccessLists {
  const entry = { id: 'x', reason: 'abuse', at: clock.ms, until: null };
  const full = (part: object[] = []) => part.map((given) => ({ ...entry, ...given }));
  const { bans, allow, revocations } = document;
  return new AccessLists({ bans: full(bans), allow: full(allow), revocations: full(revocations) } as never);
}

describe('realms and their schemes', () => {
  it('open: believes the client, or gives it an id', async () => {
    const keeper = gatekeeper();
    expect(await open(keeper, hello('any', { peer: ALICE }))).toMatchObject({ peer: 'alice', sticky: false });
    expect(await open(keeper, hello('any', { auth: { scheme: 'none' } }))).toMatchObject({ peer: 'random' });
    expect(await open(keeper, hello('sticky', { peer: ALICE }))).toMatchObject({ peer: 'alice', sticky: true });
  });

  it('take no other scheme than theirs', async () => {
    const keeper = gatekeeper();
    const codes = await Promise.all(
      [
        hello('any', { auth: { scheme: 'token', token: 'x' } }),
        hello('sticky', { auth: { scheme: 'key' } }),
        hello('acme', { peer: ALICE }),
        hello('acme', { auth: { scheme: 'key' } }),
        hello('keys', { auth: { scheme: 'token', token: await signer.sign() } }),
        hello('keys'),
      ].map(async (frame) => {
        const reply = await open(keeper, frame);
        return reply.kind === 'refused' && `${reply.code}: ${reply.message}`;
      }),
    );
    expect(codes).toEqual([
      'unauthorized: the realm takes scheme "none", not "token"',
      'unauthorized: the realm takes scheme "none", not "key"',
      'unauthorized: the realm takes scheme "token", not "none"',
      'unauthorized: the realm takes scheme "token", not "key"',
      'unauthorized: the realm takes scheme "key", not "token"',
      'unauthorized: the realm takes scheme "key", not "none"',
    ]);
  });

  it('follow the policy as it is now', async () => {
    let document: PolicyDocument = {};
    const keeper = gatekeeper({ defaultPolicy: 'key', policy: () => new Policy(document, 1, 65_536) });
    expect(await open(keeper, hello('lab'))).toMatchObject({ code: 'unauthorized' });
    document = { defaults: { auth: 'open' } };
    expect(await open(keeper, hello('lab'))).toMatchObject({ kind: 'member' });
  });

  it('that a realm relay does not serve are refused alike, be they known or not', async () => {
    const keeper = gatekeeper({ realms: [ACME] });
    const [known, unknown] = [await open(keeper, hello('keys')), await open(keeper, hello('nobody'))];
    expect(known).toEqual({ kind: 'refused', code: 'forbidden', message: 'this relay does not serve the realm' });
    expect(unknown).toEqual(known);
    expect(await byToken(keeper)).toMatchObject({ kind: 'member' });
  });

  it('key: challenges the client', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const bytes = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url');
    const frame = hello('keys', { auth: { scheme: 'key', publicKey: bytes } });
    const peer = peerIdOfKey(bytes);
    const member = await gatekeeper().authenticate(frame, ORIGIN, async (nonce) =>
      sign(null, proofMessage(nonce, frame.realm, peer, 'n1' as NodeId), privateKey),
    );
    expect(member).toMatchObject({ kind: 'member', peer });
    expect(counted).toEqual([`hello keys/${peer}`]);
  });
});

describe('attempts', () => {
  it('count connections by their address', async () => {
    expect(await gatekeeper().admit(ORIGIN)).toBeNull();
    waits = { connect: 1500.5 };
    expect(await gatekeeper().admit(ORIGIN)).toMatchObject({ code: 'rate_limited', retryAfterMs: 1501 });
    expect(counted).toEqual(['connect 192.0.2.1', 'connect 192.0.2.1']);
  });

  it('count HELLOs of a peer that is named or proven', async () => {
    const keeper = gatekeeper();
    await open(keeper, hello('any'));
    await open(keeper, hello('any', { peer: ALICE }));
    await byToken(keeper);
    // Somebody who only says to be alice must not keep her away.
    await open(keeper, helloWith('x', { peer: ALICE }));
    expect(counted).toEqual(['hello any/alice', 'hello acme/alice', 'failed_auth 192.0.2.1']);
    waits = { hello: 10 };
    expect(await byToken(keeper)).toMatchObject({ code: 'rate_limited', retryAfterMs: 10 });
  });

  it('count what fails, but not tokens that were good once, and stop who is blocked before anything is verified', async () => {
    const keeper = gatekeeper();
    expect(await byToken(keeper, { exp: NOW - 60 })).toMatchObject({ code: 'expired' });
    expect(counted).toEqual([]);
    expect(await open(keeper, helloWith('x'))).toMatchObject({ code: 'unauthorized' });
    waits = { failed_auth: 7 };
    expect(await open(keeper, helloWith('x'))).toMatchObject({ code: 'rate_limited', retryAfterMs: 7 });
    waits = { 'blocked failed_auth': 9 };
    expect(await byToken(keeper)).toMatchObject({ code: 'rate_limited', retryAfterMs: 9 });
    expect(await open(keeper, hello('keys', { auth: { scheme: 'key' } }))).toMatchObject({ code: 'rate_limited' });
    expect(await open(keeper, hello('any'))).toMatchObject({ kind: 'member' });
    expect(counted).toEqual(['failed_auth 192.0.2.1', 'failed_auth 192.0.2.1']);
  });
});

describe('bans and revocations', () => {
  it.each([
    ['an address', { kind: 'address', range: '192.0.2.0/24' }],
    ['a realm', { kind: 'realm', realm: 'acme' }],
    ['a peer', { kind: 'peer', realm: 'acme', peer: 'alice' }],
  ])('of %s are in force for who comes and who is there', async (what, ban) => {
    const keeper = gatekeeper();
    const member = (await byToken(keeper)) as Member;
    expect(keeper.recheck(ACME, member, ORIGIN.address, clock.ms)).toBeNull();
    lists = listed({ bans: [ban] });
    const banned = { kind: 'refused', code: 'forbidden', message: 'abuse' };
    expect(keeper.recheck(ACME, member, ORIGIN.address, clock.ms)).toEqual(banned);
    expect(await byToken(keeper)).toEqual(banned);
    expect(await keeper.admit(ORIGIN)).toEqual(what === 'an address' ? banned : null);
  });

  it('let only those in who are on an allow list', async () => {
    const keeper = gatekeeper();
    lists = listed({ allow: [{ kind: 'peer', realm: 'acme', peer: 'alice' }] });
    expect(await byToken(keeper)).toMatchObject({ kind: 'member' });
    expect(await byToken(keeper, { sub: 'bob' })).toMatchObject({ code: 'forbidden' });
  });

  it.each([
    ['the token', { kind: 'token', realm: 'acme', token: 't1' }],
    ['all of the peer so far', { kind: 'peer', realm: 'acme', peer: 'alice' }],
    ['all of the realm so far', { kind: 'realm', realm: 'acme' }],
  ])('of %s send the client for another token', async (_, revocation) => {
    const keeper = gatekeeper();
    const member = (await byToken(keeper)) as Member;
    lists = listed({ revocations: [revocation] });
    const revoked = { kind: 'refused', code: 'expired', message: expect.stringContaining('revoked') };
    expect(keeper.recheck(ACME, member, ORIGIN.address, clock.ms)).toEqual(revoked);
    expect(await byToken(keeper)).toEqual(revoked);
    const fresh = await byToken(keeper, { jti: 't2', iat: NOW + 1 });
    expect(fresh).toMatchObject({ kind: 'member' });
    expect(keeper.recheck(ACME, fresh as Member, ORIGIN.address, clock.ms)).toBeNull();
  });

  it('of tokens concern nobody who came in without one', async () => {
    const keeper = gatekeeper();
    lists = listed({ revocations: [{ kind: 'realm', realm: 'any' }] });
    const member = (await open(keeper, hello('any', { peer: ALICE }))) as Member;
    expect(member).toMatchObject({ kind: 'member' });
    expect(keeper.recheck('any' as RealmName, member, ORIGIN.address, clock.ms)).toBeNull();
  });

  it('and the end of the token, with the skew', async () => {
    const keeper = gatekeeper();
    const member = (await byToken(keeper, { exp: NOW + 60 })) as Member;
    clock.ms += 89_999;
    expect(keeper.recheck(ACME, member, ORIGIN.address, clock.ms)).toBeNull();
    clock.ms += 1;
    const ended = { kind: 'refused', code: 'expired', message: expect.stringContaining('ended') };
    expect(keeper.recheck(ACME, member, ORIGIN.address, clock.ms)).toEqual(ended);
    expect(await byToken(keeper, { exp: NOW + 60 })).toMatchObject({ code: 'expired' });
  });
});

describe('the admission hook', () => {
  const hook = (admit: AdmissionHook['admit']) => ({ admit, forget: () => {} }) as AdmissionHook;

  it('is asked of members only, and its limits go before those of the token', async () => {
    const asked: object[] = [];
    const admission = hook(async (question) => {
      asked.push(question);
      return { kind: 'admitted', limits: { messagesPerSecond: 2 } };
    });
    const keeper = gatekeeper({ admission });
    expect(await byToken(keeper, { limits: { messagesPerSecond: 9, bytesPerSecond: 9 } })).toMatchObject({
      limits: { messagesPerSecond: 2, bytesPerSecond: 9 },
    });
    await open(keeper, helloWith('x'));
    const { address } = ORIGIN;
    expect(asked).toEqual([{ realm: 'acme', peer: 'alice', address, scheme: 'token', client: null, node: 'n1' }]);
  });

  it('keeps members away', async () => {
    const no = { kind: 'refused', code: 'forbidden', message: 'unpaid' } as const;
    expect(await byToken(gatekeeper({ admission: hook(async () => no) }))).toEqual(no);
  });

  it('does not let in who was banned while it thought', async () => {
    const admission = hook(async () => {
      lists = listed({ bans: [{ kind: 'realm', realm: 'acme' }] });
      return { kind: 'admitted', limits: {} };
    });
    expect(await byToken(gatekeeper({ admission }))).toMatchObject({ code: 'forbidden' });
  });
});
