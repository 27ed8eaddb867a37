import { soon } from './soon.ts';

/** Tunnels write while fewer bytes than this wait in the socket: what a message must queue behind. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Frames are packed together up to this many bytes; one is never larger than this by itself. */
const PACKET_BYTES = 128 * 1024;
/** Milliseconds until the socket is looked at again, which says of itself when it has room in no browser... */
const FIRST_POLL_MS = 1;
/** ...doubled up to this while it takes nothing. */
const MAX_POLL_MS = 32;

/** One tunnel's frames for the relay. */
export interface OutletSource {
  /** It has a frame that may go out now. */
  readonly ready: boolean;
  /** Size of that frame, at most. */
  readonly frameBytes: number;
  /** Writes it. @returns the offset behind it */
  writeFrame(target: Uint8Array, offset: number): number;
}

export interface OutletHandlers {
  write(packet: Uint8Array): void;
  /** Bytes that wait in the socket. */
  buffered(): number;
}

/**
 * Lets tunnels take turns on the connection, a frame each, and no faster than the network takes them. Messages do not
 * come through here: they wait for nothing but what is in the socket already.
 */
export class Outlet {
  readonly #handlers: OutletHandlers;
  /** Those that may have something, in the order of their turns. */
  readonly #sources = new Set<OutletSource>();
  #pumpIsDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pollMs = FIRST_POLL_MS;

  constructor(handlers: OutletHandlers) {
    this.#handlers = handlers;
  }

  /** `source` has something. @param urgent waiting for more would not make fewer packets */
  add(source: OutletSource, urgent: boolean): void {
    this.#sources.add(source);
    if (this.#timer !== undefined) return;
    if (urgent) this.#pump();
    else this.#pumpSoon();
  }

  /** The connection ended. */
  clear(): void {
    this.#sources.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pollMs = FIRST_POLL_MS;
  }

  /** After what the application writes in this turn, so that it shares a packet. */
  #pumpSoon(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    soon(() => {
      this.#pumpIsDue = false;
      if (this.#timer === undefined) this.#pump();
    });
  }

  #pump(): void {
    while (this.#sources.size > 0) {
      if (this.#handlers.buffered() >= MAX_BUFFERED_BYTES) {
        this.#poll();
        return;
      }
      const packet = this.#nextPacket();
      if (packet) this.#handlers.write(packet);
      this.#pollMs = FIRST_POLL_MS;
    }
  }

  #poll(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, this.#pollMs);
    this.#pollMs = Math.min(this.#pollMs * 2, MAX_POLL_MS);
  }

  /** Null when nothing was ready after all. */
  #nextPacket(): Uint8Array | null {
    const chosen: OutletSource[] = [];
    let bytes = 0;
    for (const source of this.#sources) {
      const size = source.ready ? source.frameBytes : 0;
      if (bytes + size > PACKET_BYTES) break;
      this.#sources.delete(source);
      if (size === 0) continue;
      bytes += size;
      chosen.push(source);
    }
    if (chosen.length === 0) return null;
    const packet = new Uint8Array(bytes);
    let at = 0;
    for (const source of chosen) {
      at = source.writeFrame(packet, at);
      // Behind all others.
      if (source.ready) this.#sources.add(source);
    }
    return packet.subarray(0, at);
  }
}
