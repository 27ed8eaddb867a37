import type { ErrorCodeName, RoomCreateFrame, RoomJoinFrame, TunnelConnectFrame } from '@causeway/protocol';
import { type PeerKey, peerKey, peerOf, realmOf } from '../address.ts';
import type { Clock, Log } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { TraceStarts } from '../tracer.ts';
import type { Call, IncomingCall, Refusal } from './call.ts';
import type { Calls } from './calls.ts';
import type { Meeting, Taken } from './meeting.ts';
import type { Places } from './places.ts';

/** Hint in an ERROR that a short wait can cure. */
const RETRY_AFTER_MS = 1000;
const NO_META = new Uint8Array(0);

const REFUSALS: Readonly<Record<Refusal, readonly [code: ErrorCodeName, message: string]>> = {
  offline: ['peer_offline', 'the peer is not connected'],
  declined: ['declined', 'the peer declined'],
  full: ['tunnel_limit', 'the peer has as many tunnels as it may'],
  unavailable: ['unavailable', 'the peer could not be asked in time'],
};

export interface RequestsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly calls: Calls;
  readonly meeting: Meeting;
}

interface CallEvents {
  readonly refused: (refusal: Refusal, reason: string) => void;
  /** It was taken back before anybody had been asked. */
  readonly unasked?: () => void;
}

/** What one client asks for: rooms, and tunnels by a room's code or a peer's id. */
export class Requests {
  private readonly key: PeerKey;
  private readonly places: Places;
  private readonly deps: RequestsDeps;
  /** Null: nothing is traced. */
  private readonly traces: TraceStarts | null;
  /** Those that have no answer, by `ref`: how to take each back. */
  private readonly open = new Map<number, () => void>();
  /** Open rooms that were made on this connection: when each ends, ms since 1970. */
  private readonly rooms = new Map<number, number>();
  private left = false;

  constructor(key: PeerKey, places: Places, deps: RequestsDeps, traces: TraceStarts | null) {
    this.key = key;
    this.places = places;
    this.deps = deps;
    this.traces = traces;
  }

  /** Requests and open rooms. */
  get count(): number {
    return this.open.size + this.rooms.size;
  }

  create({ ref, ttlMs }: RoomCreateFrame): string | null {
    return this.begin(ref, () => this.openRoom(ref, ttlMs));
  }

  join({ ref, code }: RoomJoinFrame): string | null {
    return this.begin(ref, () => this.take(ref, code, this.deps.clock.now()));
  }

  connect({ ref, to, meta = NO_META }: TunnelConnectFrame): string | null {
    const [from, realm] = [peerOf(this.key), realmOf(this.key)];
    return this.begin(ref, async () => {
      const call: Call = { kind: 'peer', from, to: peerKey(realm, to), ref: 0, meta: Buffer.from(meta) };
      this.call(ref, call, { refused: (refusal, reason) => this.refused(ref, refusal, reason) });
    });
  }

  /** Somebody has joined a room of this peer, which has said yes to that by opening it. */
  joined(incoming: IncomingCall): void {
    const { ref } = incoming.call;
    // The room gives its place to the tunnel.
    if (this.places.isFull(this.rooms.has(ref) ? 1 : 0)) return incoming.refuse('full', '');
    this.rooms.delete(ref);
    this.places.begin(this.places.newEnd(), incoming, ref);
  }

  /** To be called every second. */
  sweep(now: number): void {
    for (const [ref, expiresAt] of this.rooms) if (expiresAt <= now) this.rooms.delete(ref);
  }

  /** The connection has ended. */
  leave(): void {
    this.left = true;
    for (const withdraw of this.open.values()) withdraw();
    this.open.clear();
  }

  /** Answers what is malformed. */
  private begin(ref: number, run: () => Promise<void>): string | null {
    if (this.open.has(ref) || this.rooms.has(ref)) return `ref ${ref} is in use`;
    if (this.places.isFull()) {
      this.error(ref, 'tunnel_limit', 'this connection has as many tunnels and rooms as it may');
      return null;
    }
    this.open.set(ref, () => undefined);
    run().catch((error: unknown) => {
      this.deps.log.error({ err: error }, 'a request for a room or a tunnel failed unexpectedly');
      if (this.open.delete(ref)) this.error(ref, 'internal', 'the request failed');
    });
    return null;
  }

  private async openRoom(ref: number, ttlMs: number | undefined): Promise<void> {
    const span = this.traces === null ? null : this.traces.begin('room_open');
    const reply = await this.deps.meeting.open(this.key, ref, ttlMs, this.places.connection.address);
    span?.end({ ...this.names, 'causeway.outcome': reply.kind }, reply.kind !== 'opened');
    if (!this.open.delete(ref)) return;
    if (reply.kind === 'blocked') return this.blocked(ref, 'too many rooms were opened', reply.forMs);
    if (reply.kind === 'full') return this.error(ref, 'room_limit', 'the realm has as many open rooms as it may');
    if (reply.kind === 'unavailable') return this.error(ref, 'unavailable', reply.reason, RETRY_AFTER_MS);
    const { code, expiresAt } = reply.room;
    this.rooms.set(ref, this.deps.clock.now() + reply.ttlMs);
    this.places.connection.send({ type: 'room_created', ref, code, expiresAt });
  }

  private async take(ref: number, code: string, since: number): Promise<void> {
    const reply = await this.deps.meeting.take(realmOf(this.key), code, this.places.connection.address);
    if (reply.kind === 'no_room') return this.noRoom(ref, reply.forMs, since);
    if (reply.kind === 'taken') return this.meet(ref, reply, since);
    if (!this.open.delete(ref)) return;
    if (reply.kind === 'blocked') this.blocked(ref, 'too many joins have failed', reply.forMs);
    else this.error(ref, 'unavailable', reply.reason, RETRY_AFTER_MS);
  }

  private async noRoom(ref: number, forMs: number, since: number): Promise<void> {
    await this.deps.meeting.answerLater(since);
    if (!this.open.delete(ref)) return;
    if (forMs > 0) this.blocked(ref, 'too many joins have failed', forMs);
    else this.error(ref, 'no_room', 'no such room');
  }

  private meet(ref: number, { room, count, putBack }: Taken, since: number): void {
    if (this.left) return putBack();
    const call: Call = { kind: 'room', from: peerOf(this.key), to: room.owner, ref: room.ref, meta: NO_META };
    const refused = (refusal: Refusal): void => {
      putBack();
      if (refusal === 'unavailable') return this.refused(ref, refusal, '');
      this.open.set(ref, () => undefined);
      void count().then((forMs) => this.noRoom(ref, forMs, since));
    };
    this.call(ref, call, { refused, unasked: putBack });
  }

  /** Asks for a tunnel; when it is open, the client is told. */
  private call(ref: number, call: Call, { refused, unasked }: CallEvents): void {
    const { places } = this;
    const end = places.newEnd();
    const ended = this.trace(call);
    // The answer may come within the call, where the peer is on this node.
    let withdraw: (() => boolean) | null = null;
    this.open.set(ref, () => {
      ended('left');
      places.forget(end);
      if (withdraw?.() === true) unasked?.();
    });
    withdraw = this.deps.calls.place(call, {
      end,
      accepted: (far) => {
        ended('open');
        this.open.delete(ref);
        places.keep(end);
        this.deps.counters.tunnelCalls.accepted += 1;
        end.open(far, peerOf(call.to), ref);
      },
      refused: (refusal, reason) => {
        ended(refusal);
        this.open.delete(ref);
        places.forget(end);
        this.deps.counters.tunnelCalls[refusal] += 1;
        refused(refusal, reason);
      },
    });
  }

  /** To be called with the outcome. */
  private trace(call: Call): (outcome: string) => void {
    const span = this.traces === null ? null : this.traces.begin('tunnel_open');
    if (span === null) return () => undefined;
    const names = { ...this.names, 'causeway.to': peerOf(call.to), 'causeway.tunnel.kind': call.kind };
    return (outcome) => span.end({ ...names, 'causeway.outcome': outcome }, outcome !== 'open');
  }

  private get names(): { readonly 'causeway.realm': string; readonly 'causeway.peer': string } {
    return { 'causeway.realm': realmOf(this.key), 'causeway.peer': peerOf(this.key) };
  }

  private refused(ref: number, refusal: Refusal, reason: string): void {
    const [code, message] = REFUSALS[refusal];
    this.error(ref, code, reason === '' ? message : reason, code === 'unavailable' ? RETRY_AFTER_MS : undefined);
  }

  private blocked(ref: number, message: string, forMs: number): void {
    this.error(ref, 'rate_limited', message, Math.ceil(forMs));
  }

  private error(ref: number, code: ErrorCodeName, message: string, retryAfterMs?: number): void {
    const hint = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.places.connection.send({ type: 'error', code, message, ref, ...hint });
  }
}
