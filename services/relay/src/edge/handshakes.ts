/** Beyond the places of connections: for those that are told that the relay is full, and for HTTP. */
const LEAST_SPARE = 64;
const MOST_SPARE = 512;
/** As a part of the connections. */
const SPARE = 16;

/**
 * Sockets that were accepted and are not WebSockets (yet). uWebSockets.js closes one that sends no whole request in
 * 10 s; until then each has a file and a few KB. A socket is counted here from its acceptance to its upgrade or its end.
 */
export class Handshakes {
  readonly #maxConnections: number;
  readonly #spare: number;
  #count = 0;

  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections;
    this.#spare = spareHandshakes(maxConnections);
  }

  /** `change` is 1 for a socket that was accepted, -1 for one that has ended or become a WebSocket. */
  add(change: number): void {
    this.#count += change;
  }

  /** Whether there are more than `connections` open ones leave room for. */
  areTooMany(connections: number): boolean {
    return this.#count > Math.max(0, this.#maxConnections - connections) + this.#spare;
  }
}

/** Sockets beyond the connections that a node may have in a handshake. */
export function spareHandshakes(maxConnections: number): number {
  return Math.min(MOST_SPARE, Math.max(LEAST_SPARE, Math.floor(maxConnections / SPARE)));
}
