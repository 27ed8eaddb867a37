import { HARD_PACKET_BYTES } from '@causeway/protocol';
import { WebSocket as WsWebSocket } from 'ws';
import { Client } from './client.ts';
import type { StartOptions } from './client-types.ts';
import type { ClientOptions } from './options.ts';

export * from './api.ts';

/**
 * Node 20 has no global WebSocket, and that of later versions gives the same text for a refused port, an unknown host
 * and a wrong path: this one says what happened.
 */
class NodeWebSocket extends WsWebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false, maxPayload: HARD_PACKET_BYTES });
  }
}

/** A client that is not started yet. @throws UsageError for options that cannot work */
export function createClient(options: ClientOptions): Client {
  return new Client(options, NodeWebSocket);
}

/**
 * A client that is connected.
 * @throws UsageError for options that cannot work
 * @throws ConnectionError when the relays refuse this client for good, `maxAttempts` is reached, or `signal` aborts.
 * Without these it tries for ever, and says so through its logger.
 */
export async function connect(options: ClientOptions & StartOptions): Promise<Client> {
  const client = createClient(options);
  await client.start(options);
  return client;
}
