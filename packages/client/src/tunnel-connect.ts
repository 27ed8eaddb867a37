import { encodeUtf8, MAX_TUNNEL_META_BYTES } from '@causeway/protocol';
import { UsageError } from './errors.ts';
import { readPeer } from './options.ts';
import type { ConnectToOptions, Tunnel } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';
import { aborted, untilAborted } from './until-aborted.ts';

/** @throws what `Client.connectTo` documents */
export async function connectTo(tunnels: Tunnels, peer: string, options: ConnectToOptions): Promise<Tunnel> {
  const to = readPeer(peer);
  const meta = metaOf(options.meta);
  const { requests } = tunnels;
  const { signal } = options;
  if (signal?.aborted) throw aborted(signal);
  const request = requests.add((ref) => ({ type: 'tunnel_connect', ref, to, ...(meta && { meta }) }));
  return untilAborted(request.opened.promise, signal, (error) => requests.giveUp(request, error));
}

function metaOf(meta: Uint8Array | string | undefined): Uint8Array | undefined {
  const bytes = typeof meta === 'string' ? encodeUtf8(meta) : meta?.slice();
  if (bytes && bytes.length > MAX_TUNNEL_META_BYTES) {
    throw new UsageError('bad_option', `meta has ${bytes.length} bytes, at most ${MAX_TUNNEL_META_BYTES} are allowed`);
  }
  return bytes;
}
