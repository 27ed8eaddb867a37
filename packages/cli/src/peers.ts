import type { Client, Presence } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { print } from './output.ts';
import { ATTEMPTS, type RelayOptions, withClient } from './session.ts';

export interface PeersOptions extends RelayOptions {
  readonly watch?: boolean;
  /** Milliseconds until every peer's state must be known. */
  readonly timeout: number;
}

/** Tells which of the peers are online: once, or again with each change. */
export function peers(names: string[], options: PeersOptions): Promise<number> {
  const show = ({ peer, online, at }: Presence): Promise<void> =>
    print(options.json ? JSON.stringify({ peer, online, at }) : `${peer} ${online ? 'online' : 'offline'}`);
  if (!options.watch) return withClient(options, ATTEMPTS, (client) => once(client, names, options.timeout, show));
  return withClient(options, Number.POSITIVE_INFINITY, async (client) => {
    const watch = client.watch(names);
    client.start().catch(() => undefined);
    for await (const presence of watch) await show(presence);
    return ExitCode.ok;
  });
}

async function once(
  client: Client,
  names: string[],
  timeout: number,
  show: (presence: Presence) => Promise<void>,
): Promise<number> {
  const signal = AbortSignal.timeout(timeout);
  const watch = client.watch(names, { signal });
  await client.start({ signal });
  const unknown = new Set(names);
  let allOnline = true;
  for await (const presence of watch) {
    if (!unknown.delete(presence.peer)) continue;
    allOnline &&= presence.online;
    await show(presence);
    if (unknown.size === 0) return allOnline ? ExitCode.ok : ExitCode.refused;
  }
  throw new Failure(ExitCode.temporary, `the relay did not tell about ${[...unknown].join(', ')} in time`);
}
