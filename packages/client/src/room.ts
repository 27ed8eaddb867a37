import { formatCode, parseCode, randomWords } from './e2e/code.ts';
import { TunnelError, UsageError } from './errors.ts';
import type { CreateRoomOptions, JoinRoomOptions, Room, SecureTunnel, TunnelSecurity } from './tunnel.ts';
import type { TunnelRequest } from './tunnel-requests.ts';
import type { Tunnels } from './tunnels.ts';
import { aborted, untilAborted } from './until-aborted.ts';

const DEFAULT_WORDS = 3;
const MAX_WORDS = 16;
/** Milliseconds past the end of a room in which word of one who joined at the last moment may still come. */
const GRACE_MS = 1000;
/** Timers do not reach further: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws what `Client.createRoom` documents */
export async function createRoom(tunnels: Tunnels, options: CreateRoomOptions): Promise<Room> {
  const { ttlMs, words: count = DEFAULT_WORDS, signal } = options;
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_WORDS)) {
    throw new UsageError('bad_option', `words must be a whole number from 1 to ${MAX_WORDS}`);
  }
  if (ttlMs !== undefined && !(Number.isSafeInteger(ttlMs) && ttlMs > 0)) {
    throw new UsageError('bad_option', 'ttlMs must be a whole number above 0');
  }
  if (signal?.aborted) throw aborted(signal);
  const { requests } = tunnels;
  const request = requests.add((ref) => ({ type: 'room_create', ref, ...(ttlMs !== undefined && { ttlMs }) }));
  const giveUp = (error: TunnelError): void => requests.giveUp(request, error);
  const { code: locator, expiresAt } = await untilAborted(request.created.promise, signal, giveUp);
  const words = randomWords(count);
  const closing = new AbortController();
  // Not AbortSignal.any, which came with Node 20.3.
  const close = (): void => closing.abort(signal?.reason ?? 'the room was closed');
  signal?.addEventListener('abort', close, { once: true });
  const tunnel = meet(tunnels, request, { locator, expiresAt, words }, closing.signal);
  const over = (): void => signal?.removeEventListener('abort', close);
  // Nobody may be waiting for the tunnel, and that must not count as an unhandled rejection.
  tunnel.then(over, over);
  return {
    code: formatCode(locator, words),
    expiresAt: new Date(expiresAt),
    tunnel,
    close,
  };
}

/** @throws what `Client.joinRoom` documents */
export async function joinRoom(tunnels: Tunnels, code: string, { signal }: JoinRoomOptions): Promise<SecureTunnel> {
  const { locator, words } = parseCode(code);
  const pipe = await tunnels.requests.ask((ref) => ({ type: 'room_join', ref, code: locator }), signal);
  return tunnels.secure(pipe, byWords(words), { role: 'initiator', context: ['room', locator], signal });
}

interface Meeting {
  readonly locator: string;
  /** Milliseconds since 1970, on the relay's clock. */
  readonly expiresAt: number;
  readonly words: readonly string[];
}

/** The owner's side, from ROOM_CREATED on. */
async function meet(
  tunnels: Tunnels,
  request: TunnelRequest,
  { locator, expiresAt, words }: Meeting,
  signal: AbortSignal,
): Promise<SecureTunnel> {
  const giveUp = (error: TunnelError): void => tunnels.requests.giveUp(request, error);
  const left = Math.max(0, tunnels.untilRelayTime(expiresAt)) + GRACE_MS;
  const expire = (): void => giveUp(new TunnelError('expired', 'nobody joined the room in time'));
  const timer = setTimeout(expire, Math.min(left, MAX_TIMER_MS));
  try {
    const pipe = await untilAborted(request.opened.promise, signal, giveUp);
    return await tunnels.secure(pipe, byWords(words), { role: 'responder', context: ['room', locator], signal });
  } finally {
    clearTimeout(timer);
  }
}

function byWords(words: readonly string[]): TunnelSecurity {
  return { kind: 'pake', secret: words.join('-') };
}
