import type { HelloFrame, NodeId, PeerId, RealmName } from '@causeway/protocol';
import { peerKey } from '../core/address.ts';
import type { Authenticator, Member, Origin, Refused } from '../core/authenticator.ts';
import type { Clock } from '../core/clock.ts';
import type { AuthPolicy, Policy } from '../core/policy.ts';
import type { Attempts } from '../core/shared-ports.ts';
import type { AdmissionHook } from './admission-hook.ts';
import { identifyByKey } from './key-scheme.ts';
import type { AccessLists } from './lists.ts';
import { identifyOpenly } from './open-scheme.ts';
import { refused, tooMany } from './refusals.ts';
import type { TokenScheme } from './token-scheme.ts';

export interface GatekeeperDeps {
  /** The id that the node has now. */
  readonly node: () => NodeId;
  /** Realms that are served here; empty: all. */
  readonly realms: readonly RealmName[];
  /** Holds where the policy document says nothing of a realm. */
  readonly defaultPolicy: AuthPolicy;
  readonly policy: () => Policy;
  readonly lists: () => AccessLists;
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly randomPeerId: () => PeerId;
  readonly tokens: TokenScheme;
  /** Null: whoever is a member may come in. */
  readonly admission: AdmissionHook | null;
}

type Prove = (nonce: Uint8Array) => Promise<Uint8Array | null>;

const OPENLY = { scheme: 'none' } as const;
const SCHEMES = { open: 'none', 'open-sticky': 'none', token: 'token', key: 'key' } as const;

/** One sentence for realms that exist elsewhere and for those that do not: a realm relay names none. */
const NOT_SERVED = refused('forbidden', 'this relay does not serve the realm');
const TOKEN_ENDED = refused('expired', 'the token has ended; come back with a fresh one');
/** The peer may come back, with a token that is younger than the revocation: `forbidden` would keep its client away. */
const TOKEN_REVOKED = refused('expired', 'the token was revoked; come back with a fresh one');

/** Decides who may come in, and who has to go. */
export class Gatekeeper implements Authenticator {
  private readonly deps: GatekeeperDeps;

  constructor(deps: GatekeeperDeps) {
    this.deps = deps;
  }

  async admit({ address }: Origin): Promise<Refused | null> {
    const banned = this.ban(null, null, address, this.deps.clock.now());
    if (banned !== null) return banned;
    const wait = await this.deps.attempts.take('connect', address);
    return wait > 0 ? tooMany('too many connections from this address', wait) : null;
  }

  async authenticate(hello: HelloFrame, origin: Origin, prove: Prove): Promise<Member | Refused> {
    const { realms, policy, defaultPolicy } = this.deps;
    const { realm } = hello;
    if (realms.length > 0 && !realms.includes(realm)) return NOT_SERVED;
    const auth = policy().auth(realm, defaultPolicy);
    const { scheme } = hello.auth ?? OPENLY;
    if (scheme !== SCHEMES[auth]) {
      return refused('unauthorized', `the realm takes scheme "${SCHEMES[auth]}", not "${scheme}"`);
    }
    const early = this.ban(realm, null, origin.address, this.deps.clock.now());
    if (early !== null) return early;
    const member = await this.identify(auth, hello, origin, prove);
    return member.kind === 'refused' ? member : this.letIn(member, hello, origin);
  }

  hasEnded({ expiresAt }: Member, now: number): Refused | null {
    return expiresAt !== null && expiresAt <= now ? TOKEN_ENDED : null;
  }

  recheck(realm: RealmName, member: Member, address: string, now: number): Refused | null {
    return this.ban(realm, member.peer, address, now) ?? this.tokenEnd(realm, member, now);
  }

  /** The lists of who may come in have changed: nobody is let in by what was found out before. */
  accessChanged(): void {
    this.deps.tokens.forget();
    this.deps.admission?.forget();
  }

  private async identify(
    auth: AuthPolicy,
    hello: HelloFrame,
    { address }: Origin,
    prove: Prove,
  ): Promise<Member | Refused> {
    const { attempts, tokens, node, randomPeerId } = this.deps;
    if (auth === 'open' || auth === 'open-sticky') return identifyOpenly(hello, auth === 'open-sticky', randomPeerId);
    const blocked = await attempts.blockedFor('failed_auth', address);
    if (blocked > 0) return tooManyFailures(blocked);
    const member = await (auth === 'token' ? tokens.identify(hello) : identifyByKey(hello, node(), prove));
    if (member.kind === 'member' || member.code !== 'unauthorized') return member;
    const wait = await attempts.take('failed_auth', address);
    return wait > 0 ? tooManyFailures(wait) : member;
  }

  /** What holds for members alike, however they have shown who they are. */
  private async letIn(member: Member, hello: HelloFrame, { address }: Origin): Promise<Member | Refused> {
    const { attempts, clock } = this.deps;
    const { realm, peer: named } = hello;
    const gone = this.recheck(realm, member, address, clock.now());
    if (gone !== null) return gone;
    // A peer that is named but not proven counts as well: in an open realm its name is all that it has.
    if (named !== undefined || (hello.auth ?? OPENLY).scheme !== 'none') {
      const wait = await attempts.take('hello', peerKey(realm, member.peer));
      if (wait > 0) return tooMany('too many connections of this peer', wait);
    }
    const admitted = await this.askHook(member, hello, address);
    if (admitted.kind === 'refused') return admitted;
    // Meanwhile the lists may have changed.
    return this.recheck(realm, member, address, clock.now()) ?? admitted;
  }

  private async askHook(
    member: Member,
    { realm, auth, client }: HelloFrame,
    address: string,
  ): Promise<Member | Refused> {
    const { admission, node } = this.deps;
    if (admission === null) return member;
    const { scheme } = auth ?? OPENLY;
    const { peer } = member;
    const reply = await admission.admit({ realm, peer, address, scheme, client: client ?? null, node: node() });
    return reply.kind === 'refused' ? reply : { ...member, limits: { ...member.limits, ...reply.limits } };
  }

  private ban(realm: RealmName | null, peer: PeerId | null, address: string, now: number): Refused | null {
    const ban = this.deps.lists().refusal({ realm, peer, address }, now);
    return ban === null ? null : refused('forbidden', ban.reason);
  }

  private tokenEnd(realm: RealmName, member: Member, now: number): Refused | null {
    const { peer, token, issuedAt, expiresAt } = member;
    // Who came in without a token has none that could be revoked.
    if (expiresAt === null) return null;
    const ended = this.hasEnded(member, now);
    if (ended !== null) return ended;
    return this.deps.lists().isRevoked({ realm, peer, token, issuedAt }, now) === null ? null : TOKEN_REVOKED;
  }
}

function tooManyFailures(waitMs: number): Refused {
  return tooMany('too many failed authentications from this address', waitMs);
}
