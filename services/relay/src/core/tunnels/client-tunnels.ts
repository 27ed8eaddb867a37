import {
  type ErrorCodeName,
  type PeerId,
  type RoomCreateFrame,
  type RoomJoinFrame,
  TUNNEL_ACCEPT_TIMEOUT_MS,
  type TunnelAcceptFrame,
  type TunnelConnectFrame,
} from '@causeway/protocol';
import { type PeerKey, peerKey, peerOf, realmOf } from '../address.ts';
import type { Clock, Timers } from '../clock.ts';
import type { Connection } from '../connection.ts';
import type { Counters } from '../counters.ts';
import type { TraceStarts } from '../tracer.ts';
import type { UsageAccount } from '../usage-account.ts';
import type { Call, Callee, IncomingCall, Refusal } from './call.ts';
import type { Calls } from './calls.ts';
import type { Meeting, Taken } from './meeting.ts';
import { TunnelEnd, type TunnelEndDeps, type TunnelHolder } from './tunnel-end.ts';

/** Hint in an ERROR that a short wait can cure. */
const RETRY_AFTER_MS = 1000;
/** A reason that a client gives is cut to so many bytes of UTF-8: it is for people. */
const MAX_REASON_BYTES = 128;
/** Offers of one caller that have no answer. */
const MAX_OFFERS_OF_ONE = 4;
const NO_META = new Uint8Array(0);

const REFUSALS: Readonly<Record<Refusal, readonly [code: ErrorCodeName, message: string]>> = {
  offline: ['peer_offline', 'the peer is not connected'],
  declined: ['declined', 'the peer declined'],
  full: ['tunnel_limit', 'the peer has as many tunnels as it may'],
  unavailable: ['unavailable', 'the peer could not be asked in time'],
};

export interface ClientTunnelsDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters;
  readonly calls: Calls;
  readonly meeting: Meeting;
  readonly end: TunnelEndDeps;
  readonly perConnection: number;
  readonly idleMs: number;
  /** Numbers an end on this node, and finds it by that from then on. */
  readonly enter: (create: (number: number) => TunnelEnd) => TunnelEnd;
  readonly forget: (end: TunnelEnd) => void;
}

interface Offer {
  readonly incoming: IncomingCall;
  readonly end: TunnelEnd;
  readonly cancel: () => void;
}

interface CallEvents {
  readonly refused: (refusal: Refusal, reason: string) => void;
  /** It was taken back before anybody had been asked. */
  readonly unasked?: () => void;
}

/** The rooms and tunnels of one connection. What is malformed is answered with the reason. */
export class ClientTunnels implements TunnelHolder, Callee {
  readonly connection: Connection;
  readonly account: UsageAccount;
  private readonly key: PeerKey;
  private readonly deps: ClientTunnelsDeps;
  /** Null: nothing is traced. */
  private readonly traces: TraceStarts | null;
  private lastTunnel = 0;
  private readonly ends = new Map<number, TunnelEnd>();
  private readonly offers = new Map<number, Offer>();
  /** Requests that have no answer, by `ref`: how to take each back. */
  private readonly requests = new Map<number, () => void>();
  /** Open rooms that were made on this connection: when each ends, ms since 1970. */
  private readonly rooms = new Map<number, number>();
  private readonly stalled = new Set<TunnelEnd>();
  private left = false;

  constructor(
    key: PeerKey,
    connection: Connection,
    account: UsageAccount,
    deps: ClientTunnelsDeps,
    traces: TraceStarts | null,
  ) {
    this.key = key;
    this.connection = connection;
    this.account = account;
    this.deps = deps;
    this.traces = traces;
  }

  create({ ref, ttlMs }: RoomCreateFrame): string | null {
    if (!this.isFresh(ref)) return inUse(ref);
    if (this.isFull) return this.refuseFull(ref);
    this.requests.set(ref, () => undefined);
    const span = this.traces === null ? null : this.traces.begin('room_open');
    void this.deps.meeting.open(this.key, ref, ttlMs, this.connection.address).then((reply) => {
      span?.end({ ...this.names, 'causeway.outcome': reply.kind }, reply.kind !== 'opened');
      if (!this.requests.delete(ref)) return;
      if (reply.kind === 'blocked') return this.blocked(ref, 'too many rooms were opened', reply.forMs);
      if (reply.kind === 'full') return this.error(ref, 'room_limit', 'the realm has as many open rooms as it may');
      if (reply.kind === 'unavailable') return this.error(ref, 'unavailable', reply.reason, RETRY_AFTER_MS);
      const { code, expiresAt } = reply.room;
      this.rooms.set(ref, this.deps.clock.now() + reply.ttlMs);
      this.connection.send({ type: 'room_created', ref, code, expiresAt });
    });
    return null;
  }

  join({ ref, code }: RoomJoinFrame): string | null {
    if (!this.isFresh(ref)) return inUse(ref);
    if (this.isFull) return this.refuseFull(ref);
    this.requests.set(ref, () => undefined);
    void this.take(ref, code, this.deps.clock.now());
    return null;
  }

  connect({ ref, to, meta = NO_META }: TunnelConnectFrame): string | null {
    if (!this.isFresh(ref)) return inUse(ref);
    if (this.isFull) return this.refuseFull(ref);
    const call: Call = {
      kind: 'peer',
      from: peerOf(this.key),
      to: peerKey(realmOf(this.key), to),
      ref: 0,
      meta: Buffer.from(meta),
    };
    this.call(ref, call, { refused: (refusal, reason) => this.refused(ref, refusal, reason) });
    return null;
  }

  accept({ tunnel, accept, reason }: TunnelAcceptFrame): string | null {
    const offer = this.offers.get(tunnel);
    if (offer === undefined) return this.unknown(tunnel);
    this.offers.delete(tunnel);
    offer.cancel();
    const { incoming, end } = offer;
    if (!accept) this.turnDown(end, incoming, 'declined', shortened(reason ?? ''));
    else if (this.isFull) {
      this.turnDown(end, incoming, 'full', '');
      this.connection.send({ type: 'tunnel_close', tunnel, reason: 'limit' });
    } else this.begin(end, incoming, null);
    return null;
  }

  data(tunnel: number, bytes: Uint8Array): string | null {
    const end = this.ends.get(tunnel);
    if (end === undefined) return this.unknown(tunnel);
    return end.clientData(bytes) ? null : this.behindEnd(tunnel);
  }

  credit(tunnel: number, bytes: number): string | null {
    const end = this.ends.get(tunnel);
    if (end === undefined) return this.unknown(tunnel);
    end.clientCredit(bytes);
    return null;
  }

  end(tunnel: number): string | null {
    const end = this.ends.get(tunnel);
    if (end === undefined) return this.unknown(tunnel);
    return end.clientEnd() ? null : this.behindEnd(tunnel);
  }

  /** Of one that is offered: it is declined. */
  close(tunnel: number, reason: string): string | null {
    if (this.offers.has(tunnel)) return this.accept({ type: 'tunnel_accept', tunnel, accept: false, reason });
    const end = this.ends.get(tunnel);
    if (end === undefined) return this.unknown(tunnel);
    end.clientClose(shortened(reason));
    return null;
  }

  /** Another peer asks for a tunnel. One that has opened a room has said yes already. */
  called(incoming: IncomingCall): () => void {
    const { kind, from, ref, meta } = incoming.call;
    const isRoom = kind === 'room';
    // The room that it was gives its place to the tunnel.
    const isFull = isRoom
      ? this.places - (this.rooms.has(ref) ? 1 : 0) >= this.deps.perConnection
      : !this.takesOffer(from);
    if (isFull) {
      incoming.refuse('full', '');
      return () => undefined;
    }
    if (isRoom) this.rooms.delete(ref);
    const end = this.newEnd();
    if (isRoom) {
      this.begin(end, incoming, ref);
      return () => undefined;
    }
    const { tunnel } = end;
    const cancel = this.deps.timers.after(TUNNEL_ACCEPT_TIMEOUT_MS, () => {
      this.deps.counters.tunnelsFailed.timeout += 1;
      incoming.refuse('declined', 'the peer did not answer in time');
      this.takeBack(tunnel, 'timeout');
    });
    this.offers.set(tunnel, { incoming, end, cancel });
    this.connection.send({ type: 'tunnel_offer', tunnel, from, ...(meta.length > 0 && { meta }) });
    return () => this.takeBack(tunnel, 'peer_gone');
  }

  onStalled(end: TunnelEnd): void {
    this.stalled.add(end);
  }

  onOver(end: TunnelEnd): void {
    this.ends.delete(end.tunnel);
    this.stalled.delete(end);
    this.deps.forget(end);
  }

  /** The connection takes bytes again: each tunnel that waits sends a piece in turn. */
  writable(): void {
    while (!this.connection.isCongested) {
      const [end] = this.stalled;
      if (end === undefined) return;
      this.stalled.delete(end);
      if (end.flush()) this.stalled.add(end);
    }
  }

  /** To be called every second. */
  sweep(now: number): void {
    for (const end of [...this.ends.values()]) if (now - end.activeAt > this.deps.idleMs) end.fail('idle');
    for (const [ref, expiresAt] of this.rooms) if (expiresAt <= now) this.rooms.delete(ref);
  }

  /** The connection has ended. */
  leave(): void {
    this.left = true;
    for (const withdraw of this.requests.values()) withdraw();
    this.requests.clear();
    for (const { incoming, end, cancel } of this.offers.values()) {
      cancel();
      this.turnDown(end, incoming, 'offline', '');
    }
    this.offers.clear();
    for (const end of [...this.ends.values()]) end.fail('peer_gone');
    this.stalled.clear();
  }

  /** Tunnels, rooms and requests. */
  private get places(): number {
    return this.ends.size + this.requests.size + this.rooms.size;
  }

  private get names(): { readonly 'causeway.realm': string; readonly 'causeway.peer': string } {
    return { 'causeway.realm': realmOf(this.key), 'causeway.peer': peerOf(this.key) };
  }

  private get isFull(): boolean {
    return this.places >= this.deps.perConnection;
  }

  /** One caller must not take all places from the others. */
  private takesOffer(from: PeerId): boolean {
    let own = 0;
    for (const { incoming } of this.offers.values()) if (incoming.call.from === from) own += 1;
    return own < MAX_OFFERS_OF_ONE && this.offers.size < this.deps.perConnection;
  }

  private isFresh(ref: number): boolean {
    return !this.requests.has(ref) && !this.rooms.has(ref);
  }

  private async take(ref: number, code: string, since: number): Promise<void> {
    const { meeting } = this.deps;
    const realm = realmOf(this.key);
    const reply = await meeting.take(realm, code, this.connection.address);
    if (reply.kind === 'no_room') return this.noRoom(ref, reply.forMs, since);
    if (reply.kind === 'taken') return this.meet(ref, reply, since);
    if (!this.requests.delete(ref)) return;
    if (reply.kind === 'blocked') this.blocked(ref, 'too many joins have failed', reply.forMs);
    else this.error(ref, 'unavailable', reply.reason, RETRY_AFTER_MS);
  }

  private async noRoom(ref: number, forMs: number, since: number): Promise<void> {
    await this.deps.meeting.answerLater(since);
    if (!this.requests.delete(ref)) return;
    if (forMs > 0) this.blocked(ref, 'too many joins have failed', forMs);
    else this.error(ref, 'no_room', 'no such room');
  }

  private meet(ref: number, { room, count, putBack }: Taken, since: number): void {
    if (this.left) return putBack();
    const call: Call = { kind: 'room', from: peerOf(this.key), to: room.owner, ref: room.ref, meta: NO_META };
    const refused = (refusal: Refusal): void => {
      putBack();
      if (refusal === 'unavailable') return this.refused(ref, refusal, '');
      this.requests.set(ref, () => undefined);
      void count().then((forMs) => this.noRoom(ref, forMs, since));
    };
    this.call(ref, call, { refused, unasked: putBack });
  }

  /** Asks for a tunnel; when it is open, the client is told. */
  private call(ref: number, call: Call, { refused, unasked }: CallEvents): void {
    const end = this.newEnd();
    const span = this.traces === null ? null : this.traces.begin('tunnel_open');
    const ended = (outcome: string): void => {
      const names = { ...this.names, 'causeway.to': peerOf(call.to), 'causeway.tunnel.kind': call.kind };
      span?.end({ ...names, 'causeway.outcome': outcome }, outcome !== 'open');
    };
    // The answer may come within the call, where the peer is on this node.
    let withdraw: (() => boolean) | null = null;
    this.requests.set(ref, () => {
      ended('left');
      this.deps.forget(end);
      if (withdraw?.() === true) unasked?.();
    });
    withdraw = this.deps.calls.place(call, {
      end,
      accepted: (far) => {
        ended('open');
        this.requests.delete(ref);
        this.ends.set(end.tunnel, end);
        this.deps.counters.tunnelCalls.accepted += 1;
        end.open(far, peerOf(call.to), ref);
      },
      refused: (refusal, reason) => {
        ended(refusal);
        this.requests.delete(ref);
        this.deps.forget(end);
        this.deps.counters.tunnelCalls[refusal] += 1;
        refused(refusal, reason);
      },
    });
  }

  private refused(ref: number, refusal: Refusal, reason: string): void {
    const [code, message] = REFUSALS[refusal];
    this.error(ref, code, reason === '' ? message : reason, code === 'unavailable' ? RETRY_AFTER_MS : undefined);
  }

  private begin(end: TunnelEnd, incoming: IncomingCall, ref: number | null): void {
    const { from, kind } = incoming.call;
    const { tunnel } = end;
    const far = incoming.accept(end);
    if (far === null) {
      this.deps.forget(end);
      return this.connection.send({ type: 'tunnel_close', tunnel, reason: 'peer_gone' });
    }
    this.ends.set(tunnel, end);
    this.deps.counters.tunnelsOpened[kind] += 1;
    end.open(far, from, ref);
  }

  private turnDown(end: TunnelEnd, incoming: IncomingCall, refusal: Refusal, reason: string): void {
    this.deps.forget(end);
    incoming.refuse(refusal, reason);
  }

  private takeBack(tunnel: number, reason: string): void {
    const offer = this.offers.get(tunnel);
    if (offer === undefined) return;
    this.offers.delete(tunnel);
    offer.cancel();
    this.deps.forget(offer.end);
    this.connection.send({ type: 'tunnel_close', tunnel, reason });
  }

  private newEnd(): TunnelEnd {
    this.lastTunnel += 1;
    const tunnel = this.lastTunnel;
    return this.deps.enter((number) => new TunnelEnd(tunnel, number, this, this.deps.end));
  }

  /** What is said of a tunnel that is over has crossed its end on the way. */
  private unknown(tunnel: number): string | null {
    return tunnel >= 1 && tunnel <= this.lastTunnel ? null : `tunnel ${tunnel} was never given out`;
  }

  private behindEnd(tunnel: number): string | null {
    // Also false where the end was closed by this very frame, which is no fault of its form.
    return this.ends.has(tunnel) ? `tunnel ${tunnel} was ended before` : null;
  }

  private refuseFull(ref: number): null {
    this.error(ref, 'tunnel_limit', 'this connection has as many tunnels and rooms as it may');
    return null;
  }

  private blocked(ref: number, message: string, forMs: number): void {
    this.error(ref, 'rate_limited', message, Math.ceil(forMs));
  }

  private error(ref: number, code: ErrorCodeName, message: string, retryAfterMs?: number): void {
    this.connection.send({ type: 'error', code, message, ref, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }
}

function inUse(ref: number): string {
  return `ref ${ref} is in use`;
}

/** Whole characters only. */
function shortened(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  const characters = [...reason.slice(0, MAX_REASON_BYTES)];
  while (Buffer.byteLength(characters.join('')) > MAX_REASON_BYTES) characters.pop();
  return characters.join('');
}
