import type { Connection } from '../connection.ts';
import type { IncomingCall } from './call.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/** What a connection has room for, as its requests and offers see it. */
export interface Places {
  readonly connection: Connection;
  /** Whether tunnels, open rooms and requests together are as many as they may be, if `less` of them were not. */
  isFull(less?: number): boolean;
  /** An end that is not open yet, under a number of its own. */
  newEnd(): TunnelEnd;
  /** It will not be open. */
  forget(end: TunnelEnd): void;
  /** It is open. */
  keep(end: TunnelEnd): void;
  /** Accepts a call; `ref`: of the room that it is for. The client is told, also if the call is not wanted any more. */
  begin(end: TunnelEnd, incoming: IncomingCall, ref: number | null): void;
}

/** A reason that a client gives is cut to so many bytes of UTF-8: it is for people. */
const MAX_REASON_BYTES = 128;

/** Whole characters only. */
export function shortened(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  const characters = [...reason.slice(0, MAX_REASON_BYTES)];
  while (Buffer.byteLength(characters.join('')) > MAX_REASON_BYTES) characters.pop();
  return characters.join('');
}
