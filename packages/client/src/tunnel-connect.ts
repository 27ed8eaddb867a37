import { encodeUtf8, MAX_TUNNEL_META_BYTES } from '@causeway/protocol';
import { UsageError } from './errors.ts';
import { readPeer } from './options.ts';
import type { ConnectToOptions, Secured, Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

/** @throws what `Client.connectTo` documents */
export async function connectTo(
  tunnels: Tunnels,
  peer: string,
  { meta, signal, security }: ConnectToOptions & Partial<Secured>,
): Promise<Tunnel> {
  const to = readPeer(peer);
  const said = metaOf(meta);
  const { requests } = tunnels;
  const pipe = await requests.ask((ref) => ({ type: 'tunnel_connect', ref, to, ...(said && { meta: said }) }), signal);
  if (!security) return pipe;
  return tunnels.secure(pipe, security, { role: 'initiator', context: ['tunnel', said ?? ''], signal });
}

function metaOf(meta: Uint8Array | string | undefined): Uint8Array | undefined {
  const bytes = typeof meta === 'string' ? encodeUtf8(meta) : meta?.slice();
  if (bytes && bytes.length > MAX_TUNNEL_META_BYTES) {
    throw new UsageError('bad_option', `meta has ${bytes.length} bytes, at most ${MAX_TUNNEL_META_BYTES} are allowed`);
  }
  return bytes;
}
