import { CloseCode, type ErrorFrame, encodeFrame, encodeText } from '@causeway/protocol';
import type { Socket } from './connection.ts';

/** A client that is told to come back this much later finds another node or, with luck, room. */
const RETRY_AFTER_MS = 5000;
const SERVER_FULL: ErrorFrame = {
  type: 'error',
  code: 'server_full',
  message: 'this relay has as many connections as it may',
  retryAfterMs: RETRY_AFTER_MS,
};
const BINARY = encodeFrame(SERVER_FULL);
const TEXT = encodeText(SERVER_FULL)[0] as string;

/** uWebSockets.js closes a socket 4 to 8 s after `end` even if its peer never answers. */
const LINGER_MS = 8000;
const MOST_LINGERING = 1000;

/** Tells the client why it is closed. */
export function turnAway(socket: Socket, json: boolean): void {
  socket.send(json ? TEXT : BINARY, !json);
  socket.end(CloseCode.busy, 'server full');
}

/**
 * Bounds the sockets that are accepted only to be turned away: what has been closed is out of our sight but may linger,
 * so they are counted by the time in which they do.
 */
export class TurnedAway {
  #since = 0;
  #count = 0;

  /** False when there are too many already; `now` in milliseconds. */
  admit(now: number): boolean {
    if (now - this.#since >= LINGER_MS) {
      this.#since = now;
      this.#count = 0;
    }
    if (this.#count >= MOST_LINGERING) return false;
    this.#count += 1;
    return true;
  }
}
