/** Whether the edge of a test speaks TLS, and connections to it from there or here. */
import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { KeyPairFiles } from '../../../services/relay/src/edge/key-pair.ts';

/** The certificate's files and its authority in PEM; null for plain connections. */
export const transport: { tls: { readonly files: KeyPairFiles; readonly ca: string } | null } = { tls: null };

/** The edge's option. */
export function tlsOptions() {
  const { tls } = transport;
  return tls === null ? null : { files: tls.files, loaded: () => undefined, failed: () => undefined };
}

/** Options of a client. */
export function trust(): { readonly ca?: string } {
  return transport.tls === null ? {} : { ca: transport.tls.ca };
}

export function scheme(plain: 'http' | 'ws'): string {
  return transport.tls === null ? plain : `${plain}s`;
}

/** A socket through which one can speak to the edge, and the TCP socket below it, or itself. */
export function openBoth(port: number, options: Partial<NetConnectOpts> = {}): { socket: Socket; tcp: Socket } {
  const tcp = connect({ port, host: '127.0.0.1', ...options });
  const socket = transport.tls === null ? tcp : tlsConnect({ socket: tcp, ...options, ...trust() });
  return { socket, tcp };
}

export function open(port: number, options: Partial<NetConnectOpts> = {}): Socket {
  return openBoth(port, options).socket;
}

/** `fetch`, which cannot be told of an authority. */
export async function get(url: string, path: string, method = 'GET'): Promise<Response> {
  const send = transport.tls === null ? plainRequest : tlsRequest;
  const request = send(`${scheme('http')}://${url}${path}`, { method, agent: false, ...trust() }).end();
  const [response] = await once(request, 'response');
  return new Response(response, { status: response.statusCode });
}
