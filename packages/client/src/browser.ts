import { Client } from './client.ts';
import type { StartOptions } from './client-types.ts';
import type { ClientOptions } from './options.ts';

export * from './api.ts';

/** A client that is not started yet. @throws UsageError for options that cannot work */
export function createClient(options: ClientOptions): Client {
  return new Client(options, WebSocket);
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
