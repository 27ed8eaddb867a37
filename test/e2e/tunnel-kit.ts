import { createHash } from 'node:crypto';
import { type Client, type ClientOptions, createClient, type Tunnel, type TunnelOffer } from '@causeway/client';

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Clients of one test, stopped at its end. */
export class Clients {
  readonly #all: Client[] = [];

  async join(url: string | readonly string[], peer: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = createClient({ url, peer, backoff: { minMs: 10, maxMs: 100 }, ...options });
    this.#all.push(client);
    await client.start();
    return client;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((client) => client.stop()));
  }
}

export interface TunnelPair {
  /** The end that asked. */
  readonly near: Tunnel;
  readonly far: Tunnel;
}

/** The next tunnel that is offered to `client`. */
export function nextOffer(client: Client): Promise<TunnelOffer> {
  return new Promise((resolve) => {
    const remove = client.onTunnel((offer) => {
      remove();
      resolve(offer);
    });
  });
}

/** A tunnel by peer id, raw. */
export async function pairUp(from: Client, to: Client): Promise<TunnelPair> {
  const offered = nextOffer(to);
  const near = from.connectTo(to.peer ?? '');
  near.catch(() => undefined);
  const far = await (await offered).accept();
  return { near: await near, far };
}

/** A tunnel by room, encrypted. */
export async function meet(owner: Client, guest: Client): Promise<TunnelPair> {
  const room = await owner.createRoom();
  const near = await guest.joinRoom(room.code);
  return { near, far: await room.tunnel };
}

/** Bytes that differ along the way, so that what is lost, repeated or moved shows. */
export function pattern(size: number, seed = 0): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 0x9e3779b1);
  return new Uint8Array(words.buffer, 0, size);
}

/** Writes everything and ends the direction. */
export async function writeAll(tunnel: Tunnel, bytes: Uint8Array, chunk = 100_000): Promise<void> {
  const writer = tunnel.writable.getWriter();
  for (let at = 0; at < bytes.length; at += chunk) await writer.write(bytes.subarray(at, at + chunk));
  await writer.close();
}

export async function readAll(tunnel: Tunnel): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tunnel.readable) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function digest(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Both directions at once. @returns whether each end read what the other wrote */
export async function exchange({ near, far }: TunnelPair, size: number): Promise<boolean> {
  const [there, back] = [pattern(size, 1), pattern(size, 2)];
  const [atFar, atNear] = await Promise.all([readAll(far), readAll(near), writeAll(near, there), writeAll(far, back)]);
  return digest(atFar) === digest(there) && digest(atNear) === digest(back);
}

/** Writes for as long as it is allowed to. */
export function writeForever(
  tunnel: Tunnel,
  chunk = 64 * KIB,
): { readonly written: () => number; readonly done: Promise<void> } {
  let written = 0;
  const write = async (): Promise<void> => {
    const writer = tunnel.writable.getWriter();
    const bytes = new Uint8Array(chunk);
    for (;;) {
      await writer.write(bytes);
      written += chunk;
    }
  };
  return { written: () => written, done: write().catch(() => undefined) };
}
