import {
  type ErrorFrame,
  encodeFrame,
  type RoomCreatedFrame,
  type RoomCreateFrame,
  type RoomJoinFrame,
  type TunnelConnectFrame,
} from '@causeway/protocol';
import { Deferred } from './deferred.ts';
import { TunnelError, type TunnelErrorCode } from './errors.ts';
import type { TunnelPipe } from './tunnel-pipe.ts';
import { aborted, untilAborted } from './until-aborted.ts';

type AskFrame = RoomCreateFrame | RoomJoinFrame | TunnelConnectFrame;

/** The codes of ERROR that have a meaning for a request. */
const ANSWERS: ReadonlySet<string> = new Set<TunnelErrorCode>([
  ...(['no_room', 'peer_offline', 'declined', 'tunnel_limit', 'room_limit'] as const),
  ...(['rate_limited', 'unavailable', 'forbidden', 'internal'] as const),
]);

/** Refs begin anywhere below this: a room of an earlier run of the program may still be joined, by its old ref. */
const FIRST_REF_BELOW = 2 ** 52;

/** A request for a room or a tunnel, until the tunnel is open. */
export class TunnelRequest {
  /** Of ROOM_CREATE only. */
  readonly created = new Deferred<RoomCreatedFrame>();
  readonly opened = new Deferred<TunnelPipe>();
  readonly frame: (ref: number) => AskFrame;
  ref: number;
  /** `asked`: the relay owes an answer. `waiting`: it gave a room. */
  state: 'new' | 'asked' | 'waiting' = 'new';

  constructor(ref: number, frame: (ref: number) => AskFrame) {
    this.ref = ref;
    this.frame = frame;
  }

  fail(error: TunnelError): void {
    this.created.reject(error);
    this.opened.reject(error);
  }
}

/** The requests of this client that have no tunnel yet, by `ref`, which is never used twice. */
export class TunnelRequests {
  readonly #write: (packet: Uint8Array) => void;
  readonly #requests = new Map<number, TunnelRequest>();
  #nextRef = Math.floor(Math.random() * FIRST_REF_BELOW);
  #open = false;
  #over: TunnelError | null = null;

  constructor(write: (packet: Uint8Array) => void) {
    this.#write = write;
  }

  /** @throws TunnelError `stopped` */
  add(frame: (ref: number) => AskFrame): TunnelRequest {
    if (this.#over) throw this.#over;
    const request = new TunnelRequest(this.#nextRef++, frame);
    this.#requests.set(request.ref, request);
    if (this.#open) this.#ask(request);
    return request;
  }

  /** As `add`, and waits for the tunnel. @throws TunnelError `aborted`, and what the relay answers */
  async ask(frame: (ref: number) => AskFrame, signal: AbortSignal | undefined): Promise<TunnelPipe> {
    if (signal?.aborted) throw aborted(signal);
    const request = this.add(frame);
    return untilAborted(request.opened.promise, signal, (error) => this.giveUp(request, error));
  }

  /** Gives a request up: what comes of it is closed. Again, or when it has its tunnel: nothing. */
  giveUp(request: TunnelRequest, error: TunnelError): void {
    this.#requests.delete(request.ref);
    request.fail(error);
  }

  started(): void {
    this.#over = null;
  }

  opened(): void {
    this.#open = true;
    for (const request of this.#requests.values()) if (request.state === 'new') this.#ask(request);
  }

  /**
   * Rooms outlive a connection. A ROOM_CREATE without an answer goes again, under another ref: if it was carried out,
   * nobody was told the code of that room, and whoever guesses it gets nothing. An unanswered join or connect may have
   * been carried out, and a second one would find a room that is full, or ask a peer twice: it fails.
   */
  closed(): void {
    this.#open = false;
    for (const request of [...this.#requests.values()]) {
      if (request.state !== 'asked') continue;
      if (request.frame(request.ref).type === 'room_create') this.#renew(request);
      else this.giveUp(request, new TunnelError('connection_lost', 'the connection ended before the relay answered'));
    }
  }

  finished(error: TunnelError): void {
    this.#over = error;
    for (const request of this.#requests.values()) this.giveUp(request, error);
  }

  onCreated(frame: RoomCreatedFrame): void {
    const request = this.#requests.get(frame.ref);
    if (request?.state !== 'asked') return;
    request.state = 'waiting';
    request.created.resolve(frame);
  }

  onError({ ref, code, message, retryAfterMs }: ErrorFrame & { readonly ref: number }): void {
    const request = this.#requests.get(ref);
    if (!request) return;
    const known = ANSWERS.has(code) ? (code as TunnelErrorCode) : 'internal';
    const text = known === code ? message || code : `${code}: ${message}`;
    this.giveUp(request, new TunnelError(known, text, { retryAfterMs }));
  }

  /** TUNNEL_OPEN. @returns the request that it answers, if it is still wanted */
  take(ref: number): TunnelRequest | undefined {
    const request = this.#requests.get(ref);
    this.#requests.delete(ref);
    return request;
  }

  #renew(request: TunnelRequest): void {
    this.#requests.delete(request.ref);
    request.ref = this.#nextRef++;
    request.state = 'new';
    this.#requests.set(request.ref, request);
  }

  #ask(request: TunnelRequest): void {
    request.state = 'asked';
    this.#write(encodeFrame(request.frame(request.ref)));
  }
}
