import { DEFAULT_TUNNEL_WINDOW_BYTES, type PeerId } from '@causeway/protocol';
import type { ScriptedPeer } from './scripted-relay.ts';

const LOCATOR = '4821';

/** What happens to the bytes of a tunnel on their way. */
export type Meddle = (bytes: Uint8Array) => Uint8Array;

/** The relay's half of PROTOCOL section 7 for two peers with one tunnel, 1 at both: it passes on what each sends. */
export class Bridge {
  readonly #ends: readonly [ScriptedPeer, ScriptedPeer];
  readonly #names: readonly [PeerId, PeerId];
  readonly #meddle: Meddle;
  /** Of the locators that were asked for. */
  readonly joined: string[] = [];
  /** Bytes of tunnels that went through, both ways, as the relay saw them. */
  readonly seen: Uint8Array[] = [];
  #ownerRef = 0;

  constructor(
    ends: readonly [ScriptedPeer, ScriptedPeer],
    names: readonly [string, string],
    meddle: Meddle = (it) => it,
  ) {
    this.#ends = ends;
    this.#names = names as readonly [PeerId, PeerId];
    this.#meddle = meddle;
    for (const side of [0, 1] as const) void this.#serve(side);
  }

  async #serve(side: 0 | 1): Promise<void> {
    const [from, to] = side === 0 ? this.#ends : ([this.#ends[1], this.#ends[0]] as const);
    const own = this.#names[side];
    for await (const frame of from.each()) {
      switch (frame.type) {
        case 'room_create':
          this.#ownerRef = frame.ref;
          from.send({ type: 'room_created', ref: frame.ref, code: LOCATOR, expiresAt: Date.now() + 600_000 });
          break;
        case 'room_join':
          this.joined.push(frame.code);
          this.#open(side, frame.ref, this.#ownerRef);
          break;
        case 'tunnel_connect':
          this.#ownerRef = frame.ref;
          to.send({ type: 'tunnel_offer', tunnel: 1, from: own, ...(frame.meta && { meta: frame.meta }) });
          break;
        case 'tunnel_accept':
          if (frame.accept) this.#open(side, undefined, this.#ownerRef);
          break;
        case 'tunnel_data':
          this.seen.push(frame.bytes);
          to.send({ ...frame, bytes: this.#meddle(frame.bytes) });
          break;
        case 'tunnel_credit':
        case 'tunnel_end':
        case 'tunnel_close':
          to.send(frame);
          break;
      }
    }
  }

  #open(side: 0 | 1, ref: number | undefined, otherRef: number): void {
    const other = side === 0 ? 1 : 0;
    const opening = { type: 'tunnel_open', tunnel: 1, credit: DEFAULT_TUNNEL_WINDOW_BYTES } as const;
    this.#ends[side].send({ ...opening, peer: this.#names[other], ...(ref !== undefined && { ref }) });
    this.#ends[other].send({ ...opening, peer: this.#names[side], ref: otherRef });
  }
}
