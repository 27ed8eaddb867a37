import type { RoomCreateFrame, RoomJoinFrame, TunnelAcceptFrame, TunnelConnectFrame } from '@causeway/protocol';
import type { PeerKey } from '../address.ts';
import type { Connection } from '../connection.ts';
import type { TraceStarts } from '../tracer.ts';
import type { UsageAccount } from '../usage-account.ts';
import type { Callee, IncomingCall } from './call.ts';
import { Offers, type OffersDeps } from './offers.ts';
import { type Places, shortened } from './places.ts';
import { Requests, type RequestsDeps } from './requests.ts';
import { TunnelEnd, type TunnelEndDeps, type TunnelHolder } from './tunnel-end.ts';

export interface ClientTunnelsDeps extends RequestsDeps, OffersDeps {
  readonly end: TunnelEndDeps;
  readonly idleMs: number;
  /** Numbers an end on this node, and finds it by that from then on. */
  readonly enter: (create: (number: number) => TunnelEnd) => TunnelEnd;
  readonly forget: (end: TunnelEnd) => void;
}

/** The tunnels of one connection, and what it asks and is asked for. What is malformed is answered with the reason. */
export class ClientTunnels implements TunnelHolder, Callee, Places {
  readonly connection: Connection;
  readonly account: UsageAccount;
  private readonly deps: ClientTunnelsDeps;
  private readonly requests: Requests;
  private readonly offers: Offers;
  private lastTunnel = 0;
  private readonly ends = new Map<number, TunnelEnd>();
  private readonly stalled = new Set<TunnelEnd>();

  constructor(
    key: PeerKey,
    connection: Connection,
    account: UsageAccount,
    deps: ClientTunnelsDeps,
    traces: TraceStarts | null,
  ) {
    this.connection = connection;
    this.account = account;
    this.deps = deps;
    this.requests = new Requests(key, this, deps, traces);
    this.offers = new Offers(this, deps);
  }

  create(frame: RoomCreateFrame): string | null {
    return this.requests.create(frame);
  }

  join(frame: RoomJoinFrame): string | null {
    return this.requests.join(frame);
  }

  connect(frame: TunnelConnectFrame): string | null {
    return this.requests.connect(frame);
  }

  accept({ tunnel, accept, reason = '' }: TunnelAcceptFrame): string | null {
    return this.offers.answer(tunnel, accept, reason) ? null : this.unknown(tunnel);
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
    if (this.offers.answer(tunnel, false, reason)) return null;
    const end = this.ends.get(tunnel);
    if (end === undefined) return this.unknown(tunnel);
    end.clientClose(shortened(reason));
    return null;
  }

  /** Another peer asks for a tunnel. */
  called(incoming: IncomingCall): () => void {
    if (incoming.call.kind === 'peer') return this.offers.add(incoming);
    this.requests.joined(incoming);
    return () => undefined;
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
    this.requests.sweep(now);
  }

  /** The connection has ended. */
  leave(): void {
    this.requests.leave();
    this.offers.leave();
    for (const end of [...this.ends.values()]) end.fail('peer_gone');
    this.stalled.clear();
  }

  isFull(less = 0): boolean {
    return this.ends.size + this.requests.count - less >= this.deps.perConnection;
  }

  newEnd(): TunnelEnd {
    this.lastTunnel += 1;
    const tunnel = this.lastTunnel;
    return this.deps.enter((number) => new TunnelEnd(tunnel, number, this, this.deps.end));
  }

  forget(end: TunnelEnd): void {
    this.deps.forget(end);
  }

  keep(end: TunnelEnd): void {
    this.ends.set(end.tunnel, end);
  }

  begin(end: TunnelEnd, incoming: IncomingCall, ref: number | null): void {
    const { from, kind } = incoming.call;
    const { tunnel } = end;
    const far = incoming.accept(end);
    if (far === null) {
      this.deps.forget(end);
      return this.connection.send({ type: 'tunnel_close', tunnel, reason: 'peer_gone' });
    }
    this.keep(end);
    this.deps.counters.tunnelsOpened[kind] += 1;
    end.open(far, from, ref);
  }

  /** What is said of a tunnel that is over has crossed its end on the way. */
  private unknown(tunnel: number): string | null {
    return tunnel >= 1 && tunnel <= this.lastTunnel ? null : `tunnel ${tunnel} was never given out`;
  }

  private behindEnd(tunnel: number): string | null {
    // Also false where the end was closed by this very frame, which is no fault of its form.
    return this.ends.has(tunnel) ? `tunnel ${tunnel} was ended before` : null;
  }
}
