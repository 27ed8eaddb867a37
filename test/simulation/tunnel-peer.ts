import type { PeerId, RelayFrame } from '@causeway/protocol';
import type { Rng } from '../kit/rng.ts';
import { type Entrance, REALM, Wire, type WireClient } from './peers.ts';
import { SimTunnelEnd, type TunnelFrame } from './tunnel-ends.ts';
import type { World } from './world.ts';

const ACT_EVERY_MS = 20;
/** What can be the answer to a request; anything else says that the relay has misunderstood something. */
const REFUSALS: readonly string[] = ['no_room', 'peer_offline', 'declined', 'tunnel_limit', 'unavailable'];
/** What a relay that goes away may say. */
const FAREWELLS: readonly string[] = ['unavailable', 'internal', 'replaced'];

export interface TunnelPeerOptions {
  readonly rng: Rng;
  /** Rooms and calls that it begins. */
  readonly opens: number;
  /** Longest stream of an end. */
  readonly bytes: number;
  readonly hangsUp: boolean;
  /** Null while there is none. */
  readonly entrance: () => Entrance | null;
  readonly other: () => SimTunnelPeer;
  /** Numbers the ends of all peers. */
  readonly entered: (create: (number: number) => SimTunnelEnd) => SimTunnelEnd;
}

/** Opens rooms and calls others, carries what comes of it to its end, and now and then hangs up. */
export class SimTunnelPeer implements WireClient {
  readonly id: PeerId;
  readonly faults: string[] = [];
  readonly outcomes = new Map<string, number>();
  private readonly world: World;
  private readonly options: TunnelPeerOptions;
  private wire: Wire | null = null;
  private attempt = 0;
  private isWelcome = false;
  private lastRef = 0;
  private begun = 0;
  private isLeaving = false;
  /** Of the present connection. */
  private readonly requests = new Set<number>();
  private ends = new Map<number, SimTunnelEnd>();
  private readonly offers = new Set<number>();

  constructor(id: string, world: World, options: TunnelPeerOptions) {
    this.id = id as PeerId;
    this.world = world;
    this.options = options;
  }

  get isDone(): boolean {
    return this.begun >= this.options.opens && this.open === 0;
  }

  /** What has not come to its end. */
  get open(): number {
    return this.requests.size + this.offers.size + [...this.ends.values()].filter(({ isOver }) => !isOver).length;
  }

  start(): void {
    this.world.after(ACT_EVERY_MS * this.options.rng.next(), () => {
      if (this.isLeaving) return;
      if (this.wire === null) this.connect();
      else if (this.isWelcome) this.act(this.wire);
      this.start();
    });
  }

  leave(): void {
    this.isLeaving = true;
    this.wire?.cut();
  }

  join(code: string): void {
    if (this.wire !== null && this.isWelcome) this.wire.say({ type: 'room_join', ref: this.request(), code });
  }

  onDeliver(): void {}
  onReceipt(): void {}

  onControl(wire: Wire, frame: RelayFrame): void {
    if (wire !== this.wire) return;
    switch (frame.type) {
      case 'welcome':
        this.isWelcome = true;
        return;
      case 'error':
        return this.refused(frame);
      case 'room_created':
        this.answered('room_created', frame.ref);
        this.world.after(this.options.rng.next() * 300, () => this.options.other().join(frame.code));
        return;
      case 'tunnel_offer':
        return this.offered(wire, frame.tunnel);
      case 'tunnel_open':
        return this.opened(wire, frame);
      case 'tunnel_close':
        if (this.offers.delete(frame.tunnel)) return this.count(`offer ${frame.reason}`);
        return this.told(frame);
      case 'tunnel_data':
      case 'tunnel_credit':
      case 'tunnel_end':
        return this.told(frame);
    }
  }

  onClosed(wire: Wire, code: number): void {
    this.count(`connection ${code}`);
    if (this.wire !== wire) return;
    this.wire = null;
    this.isWelcome = false;
    this.requests.clear();
    this.offers.clear();
    this.ends = new Map();
  }

  private connect(): void {
    const entrance = this.options.entrance();
    if (entrance === null) return;
    this.attempt += 1;
    this.wire = new Wire(entrance, this.world, this);
    const resume = new Uint8Array(32).fill(9);
    this.wire.say({ type: 'hello', v: 1, realm: REALM, peer: this.id, resume, attempt: this.attempt });
  }

  private act(wire: Wire): void {
    const { rng, opens, hangsUp } = this.options;
    if (rng.chance(0.1)) this.congest(wire, !wire.isCongested);
    for (const end of this.ends.values()) if (rng.chance(0.15)) end.act();
    if (this.begun < opens && this.open < 10 && rng.chance(0.02)) this.begin(wire);
    if (hangsUp && rng.chance(0.002)) wire.cut();
  }

  private congest(wire: Wire, isCongested: boolean): void {
    wire.isCongested = isCongested;
    if (!isCongested) wire.handler.writable();
  }

  private begin(wire: Wire): void {
    this.begun += 1;
    const ref = this.request();
    if (this.options.rng.chance(0.4)) wire.say({ type: 'room_create', ref, ttlMs: 60_000 });
    else wire.say({ type: 'tunnel_connect', ref, to: this.options.other().id });
  }

  private request(): number {
    this.lastRef += 1;
    this.requests.add(this.lastRef);
    return this.lastRef;
  }

  private answered(how: string, ref: number): void {
    this.count(how);
    if (!this.requests.delete(ref)) this.faults.push(`${how} for request ${ref}, which is not open`);
  }

  private refused({ code, ref }: Extract<RelayFrame, { type: 'error' }>): void {
    if (ref !== undefined) this.answered(code, ref);
    const expected = ref === undefined ? FAREWELLS : REFUSALS;
    if (!expected.includes(code)) this.faults.push(`error ${code}`);
  }

  private offered(wire: Wire, tunnel: number): void {
    const { rng } = this.options;
    if (this.offers.has(tunnel)) this.faults.push(`tunnel ${tunnel} is offered twice`);
    this.offers.add(tunnel);
    if (rng.chance(0.05)) return;
    const accept = rng.chance(0.9);
    this.world.after(rng.next() * 200, () => {
      if (!this.offers.has(tunnel) || this.wire !== wire) return;
      wire.say({ type: 'tunnel_accept', tunnel, accept });
      if (!accept) this.offers.delete(tunnel);
    });
  }

  private opened(wire: Wire, frame: Extract<RelayFrame, { type: 'tunnel_open' }>): void {
    const { rng, bytes, entered } = this.options;
    const { tunnel, ref } = frame;
    this.count('opened');
    // Of a room it is the number of an earlier request, perhaps on an earlier connection.
    if (ref === undefined ? !this.offers.delete(tunnel) : ref > this.lastRef) {
      this.faults.push(`tunnel ${tunnel} was not asked for`);
    }
    if (ref !== undefined) this.requests.delete(ref);
    if (this.ends.has(tunnel)) this.faults.push(`tunnel ${tunnel} is opened twice`);
    const total = 4 + rng.int(bytes);
    this.ends.set(
      tunnel,
      entered((number) => new SimTunnelEnd(number, this.id, wire, frame, total, rng)),
    );
  }

  private told(frame: TunnelFrame): void {
    const end = this.ends.get(frame.tunnel);
    if (end === undefined) this.faults.push(`${frame.type} for tunnel ${frame.tunnel}, which was never opened`);
    else end.take(frame);
  }

  private count(what: string): void {
    this.outcomes.set(what, (this.outcomes.get(what) ?? 0) + 1);
  }
}
