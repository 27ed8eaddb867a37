import type { HelloFrame, ProofFrame } from '@causeway/protocol';
import { peerKey } from './address.ts';
import type { Authenticator, Member, Origin, Refused } from './authenticator.ts';
import type { Timers } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import type { Limiter } from './limiter.ts';
import type { SendAllowance } from './limits.ts';
import { type Load, MAX_REGISTERING } from './load.ts';
import type { Registered, RegisterReply } from './ports.ts';
import type { Quotas } from './quotas.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import type { Settings } from './settings.ts';

/** Where a realm is full, room comes with others that leave: not sooner than this, in milliseconds. */
const REALM_FULL_RETRY_MS = 5000;

export interface OpeningDeps {
  readonly settings: Settings;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly load: Load;
  readonly authenticator: Authenticator;
  readonly quotas: Quotas;
  readonly limiter: Limiter;
  readonly registry: Registry;
}

/** What a registered client has. */
export interface Opened {
  readonly member: Member;
  readonly allowance: SendAllowance;
  readonly recipient: Recipient;
  readonly registered: Registered;
}

export interface OpeningEvents {
  /** The answer to CHALLENGE does not come in time. */
  silent(): void;
  /** The client is registered; called before anything can be delivered to it. */
  opened(opened: Opened): void;
}

/** Nothing is left to be done: `opened` was called, or the connection has closed. */
type Ended = { readonly kind: 'ended' };
/** A newer attempt of the same client is connected. */
type Superseded = { readonly kind: 'superseded' };
export type OpeningReply = Ended | Superseded | Refused;

const ENDED: Ended = { kind: 'ended' };

/** From HELLO to a registration: who it is, whether there is room, and where everyone will find it. */
export class Opening {
  private readonly number: number;
  private readonly connection: Connection;
  private readonly deps: OpeningDeps;
  private readonly origin: Origin;
  private readonly admitted: Promise<Refused | null>;
  private readonly events: OpeningEvents;
  private prover: ((signature: Uint8Array | null) => void) | null = null;
  private closed = false;

  constructor(number: number, connection: Connection, deps: OpeningDeps, events: OpeningEvents) {
    this.number = number;
    this.connection = connection;
    this.deps = deps;
    this.events = events;
    this.origin = { address: connection.address };
    this.admitted = deps.authenticator.admit(this.origin);
  }

  /** Why the connection may not even say HELLO; null: it may. */
  get admission(): Promise<Refused | null> {
    return this.admitted;
  }

  async open(hello: HelloFrame): Promise<OpeningReply> {
    const { authenticator, load, counters } = this.deps;
    const refused = await this.admitted;
    if (this.closed) return ENDED;
    if (refused !== null) return refused;
    const member = await authenticator.authenticate(hello, this.origin, (nonce) => this.prove(nonce));
    if (this.closed) return ENDED;
    if (member.kind === 'refused') return member;
    if (load.registering > MAX_REGISTERING) {
      counters.drop('registration_limit');
      return unavailable('too many registrations are under way');
    }
    return this.takePlace(hello, member);
  }

  /** The answer to CHALLENGE. False: there is none to answer. */
  proof({ signature }: ProofFrame): boolean {
    if (this.prover === null) return false;
    this.proved(signature);
    return true;
  }

  /** The connection has gone. */
  close(): void {
    this.closed = true;
    this.proved(null);
  }

  private async takePlace(hello: HelloFrame, member: Member): Promise<OpeningReply> {
    const { settings, quotas, limiter } = this.deps;
    const { realm } = hello;
    const key = peerKey(realm, member.peer);
    const place = await quotas.admit(realm, key, settings.reservationTtlMs);
    if (place.kind === 'full') return realmFull(place.cap);
    if (place.kind === 'unavailable') return unavailable(`the limits of the realm are not known: ${place.reason}`);
    // Before the registration: from then on messages may be delivered, and WELCOME has to come first.
    const allowance = await limiter.open(key, member.limits);
    const isIn = !this.closed && (await this.register(hello, member, allowance));
    if (isIn === true) return ENDED;
    allowance.close();
    quotas.left(realm);
    return isIn === false ? ENDED : isIn;
  }

  /** True: it is registered, and was told so; false: the connection had closed by then. */
  private async register(
    hello: HelloFrame,
    member: Member,
    allowance: SendAllowance,
  ): Promise<boolean | Refused | Superseded> {
    let isIn = false;
    const opening = this;
    const reply = await this.deps.registry.register(this.request(hello, member), {
      get connection() {
        return opening.closed ? null : opening.connection;
      },
      welcome: (recipient, registered) => {
        isIn = true;
        if (registered.renewed) allowance.keep({ ...registered.limits, ...member.limits });
        this.events.opened({ member, allowance, recipient, registered });
      },
    });
    return reply.kind === 'admitted' ? isIn : refusal(reply);
  }

  private request(hello: HelloFrame, member: Member): Parameters<Registry['register']>[0] {
    const { settings } = this.deps;
    return {
      key: peerKey(hello.realm, member.peer),
      node: settings.node,
      connection: `${settings.node}/${this.number}`,
      resumeHash: hello.resume === undefined ? '' : settings.sha256Hex(hello.resume),
      attempt: hello.attempt ?? null,
      sticky: member.sticky,
      ttlMs: settings.reservationTtlMs,
      limits: member.limits,
      mailboxTtlMs: settings.mailboxTtlMs,
      reclaims: 0,
    };
  }

  private prove(nonce: Uint8Array): Promise<Uint8Array | null> {
    if (this.closed) return Promise.resolve(null);
    const { settings, timers, load } = this.deps;
    // Who does not answer costs its connection, and takes no place of those who do.
    load.registering -= 1;
    return new Promise((resolve) => {
      const cancel = timers.after(settings.helloTimeoutMs, () => this.events.silent());
      this.prover = (signature) => {
        cancel();
        load.registering += 1;
        resolve(signature);
      };
      this.connection.send({ type: 'challenge', nonce, node: settings.node });
    });
  }

  private proved(signature: Uint8Array | null): void {
    const prover = this.prover;
    this.prover = null;
    prover?.(signature);
  }
}

function realmFull(cap: 'connections' | 'reservations'): Refused {
  const message = `the realm has as many ${cap} as it may`;
  return { kind: 'refused', code: 'server_full', message, retryAfterMs: REALM_FULL_RETRY_MS };
}

function unavailable(message: string): Refused {
  return { kind: 'refused', code: 'unavailable', message };
}

function refusal(reply: Exclude<RegisterReply, { kind: 'registered' }>): Refused | Superseded {
  switch (reply.kind) {
    case 'superseded':
      return reply;
    case 'peer_in_use':
      return { kind: 'refused', code: 'peer_in_use', message: 'the peer id is reserved by another client' };
    case 'too_many_handovers':
      return unavailable('too many earlier connections of this peer have not handed over yet');
    case 'unavailable':
      return unavailable(`the registration could not be stored: ${reply.reason}`);
  }
}
