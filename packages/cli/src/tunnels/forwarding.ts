import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import {
  type Client,
  SecurityError,
  type Tunnel,
  TunnelError,
  type TunnelOffer,
  type TunnelSecurity,
} from '@causeway/client';
import { codeOf } from '../files/disk-errors.ts';
import { visible } from '../table.ts';
import { LostError } from '../transfer/errors.ts';
import { type Address, type Forward, formatAddress, tryAddress } from './addresses.ts';
import type { Guesses } from './guesses.ts';
import { joinStreams } from './half-close.ts';

/** Milliseconds in which a target must take a connection. */
const CONNECT_MS = 10_000;
/** Milliseconds in which the two ends must have made sure of each other. */
const HANDSHAKE_MS = 20_000;

/** How the bytes are protected; `null`: not at all, and the relay could read them. */
export type Protection = TunnelSecurity | null;

export type Log = (line: string) => void;

export interface ForwardOptions extends Forward {
  readonly peer: string;
  readonly security: Protection;
  readonly log: Log;
  /** Gives up what is being connected. */
  readonly signal: AbortSignal;
}

/** Listens locally; each connection becomes a tunnel to the peer. @throws what listening fails with */
export async function listenFor(client: Client, options: ForwardOptions): Promise<Server> {
  const { listen, log } = options;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    void forward(client, socket, options).catch((error: unknown) => log(`a connection failed: ${reasonOf(error)}`));
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  return server;
}

async function forward(
  client: Client,
  socket: Socket,
  { peer, target, security, signal }: ForwardOptions,
): Promise<void> {
  // It may fail before anybody reads from it.
  socket.on('error', () => undefined);
  try {
    const options = { meta: metaOf(target, security), signal };
    const tunnel = await (security === null
      ? client.connectTo(peer, options)
      : client.connectTo(peer, { ...options, security }));
    await joinSocket(tunnel, socket);
  } finally {
    socket.destroy();
  }
}

export interface AcceptOptions {
  /** As `formatAddress` writes them; nothing else is connected to. */
  readonly targets: ReadonlySet<string>;
  /** Who may connect; null: whoever has the secret. */
  readonly peers: ReadonlySet<string> | null;
  readonly security: Protection;
  readonly guesses: Guesses;
  readonly log: Log;
}

/** Answers an offer: by a connection to its target, or with the reason why not. */
export async function answer(offer: TunnelOffer, options: AcceptOptions): Promise<void> {
  const { security, guesses, log } = options;
  const who = visible(offer.peer);
  const target = targetOf(offer, options);
  if (typeof target === 'string') {
    offer.decline(target);
    return log(`declined ${who}: ${target}`);
  }
  try {
    const signal = AbortSignal.timeout(HANDSHAKE_MS);
    const tunnel = await (security === null ? offer.accept({ signal }) : offer.accept({ security, signal }));
    log(`${who} connects to ${formatAddress(target)}`);
    await connect(tunnel, target);
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'wrong_code') guesses.wrong();
    log(`${who}: ${reasonOf(error)}`);
  }
}

/** Where to, or why not. */
function targetOf(offer: TunnelOffer, { targets, peers, security, guesses }: AcceptOptions): Address | string {
  const [app, protection, text = ''] = Buffer.from(offer.meta).toString().split(' ');
  if (app !== APP) return 'only forwards are accepted here';
  if (peers !== null && !peers.has(offer.peer)) return 'this peer is not allowed';
  if (protection !== protectionOf(security)) {
    return security === null ? 'this side has no secret' : 'a secret is needed';
  }
  if (guesses.areUsedUp) return 'too many wrong secrets, try again in a minute';
  const target = tryAddress(text);
  return target !== null && targets.has(formatAddress(target)) ? target : 'this target is not allowed';
}

async function connect(tunnel: Tunnel, target: Address): Promise<void> {
  const socket = createConnection({ ...target, allowHalfOpen: true });
  socket.on('error', () => undefined);
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), CONNECT_MS);
  try {
    await once(socket, 'connect');
  } catch (error) {
    tunnel.close(`${formatAddress(target)} cannot be reached: ${codeOf(error) ?? reasonOf(error)}`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  try {
    await joinSocket(tunnel, socket);
  } finally {
    socket.destroy();
  }
}

async function joinSocket(tunnel: Tunnel, socket: Socket): Promise<void> {
  const local = { input: socket, output: socket, endOutput: () => void socket.end() };
  await joinStreams(tunnel, local, () => tunnel.close('the connection behind it broke'));
  // What is left in the socket goes out before it is destroyed.
  if (!socket.writableFinished) await once(socket, 'finish');
}

const APP = 'causeway-forward/1';

/** The relay sees it. Both ends bind their key to it. */
function metaOf(target: Address, security: Protection): string {
  return `${APP} ${protectionOf(security)} ${formatAddress(target)}`;
}

function protectionOf(security: Protection): string {
  return security?.kind ?? 'none';
}

function reasonOf(error: unknown): string {
  const cause = error instanceof LostError ? error.cause : error;
  if (cause instanceof SecurityError && cause.code === 'wrong_code') return 'the other side has another secret';
  if (cause instanceof TunnelError && cause.code !== 'closed') return visible(`${cause.message} (${cause.code})`);
  return visible(cause instanceof Error ? cause.message : String(cause));
}
