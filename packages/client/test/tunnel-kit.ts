import type { PeerId, TunnelOpenFrame } from '@causeway/protocol';
import { type Client, type ClientOptions, createClient, type Tunnel } from '../src/index.ts';
import { type ScriptedPeer, ScriptedRelay } from './scripted-relay.ts';

export const WINDOW = 1024 * 1024;

/** A client that is connected to a scripted relay. */
export class TunnelKit {
  readonly relay: ScriptedRelay;
  readonly client: Client;
  readonly errors: unknown[] = [];

  private constructor(relay: ScriptedRelay, options: Partial<ClientOptions>) {
    this.relay = relay;
    const ignore = (): void => undefined;
    const error = (_: string, fields: Record<string, unknown> = {}): void => void this.errors.push(fields.error);
    this.client = createClient({
      url: relay.url,
      peer: 'bob',
      backoff: { minMs: 1, maxMs: 2 },
      logger: { debug: ignore, info: ignore, warn: ignore, error },
      ...options,
    });
  }

  static async start(options: Partial<ClientOptions> = {}): Promise<TunnelKit> {
    return new TunnelKit(await ScriptedRelay.start(), options);
  }

  /** Connects for the first time. */
  async connected(): Promise<ScriptedPeer> {
    const started = this.client.start();
    const peer = await this.accept();
    await started;
    return peer;
  }

  async accept(): Promise<ScriptedPeer> {
    const peer = await this.relay.accept();
    await peer.welcome();
    return peer;
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.relay.stop();
  }
}

export function opening(fields: Partial<TunnelOpenFrame> = {}): TunnelOpenFrame {
  return { type: 'tunnel_open', tunnel: 1, peer: 'alice' as PeerId, credit: WINDOW, ...fields };
}

/** A tunnel of `kit` to alice. */
export async function openTunnel(
  kit: TunnelKit,
  peer: ScriptedPeer,
  fields: Partial<TunnelOpenFrame> = {},
): Promise<Tunnel> {
  const tunnel = kit.client.connectTo('alice');
  const { ref } = await peer.next('tunnel_connect');
  peer.send(opening({ ref, ...fields }));
  return tunnel;
}

/** Everything that was written before this is with the relay when it resolves, and nothing else of what comes. */
export async function settled(peer: ScriptedPeer): Promise<void> {
  peer.send({ type: 'ping', data: new Uint8Array(8) });
  await peer.next('pong');
}

/** All bytes to the end. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value);
