import type { NodeId } from '@causeway/protocol';
import type { PeerKey } from '../core/address.ts';
import type { Presence, PresenceState, Unavailable } from '../core/ports.ts';
import { type Commands, list, number, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisPresence implements Presence {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  watch(key: PeerKey, node: NodeId, ttlMs: number): Promise<({ kind: 'state' } & PresenceState) | Unavailable> {
    const { watch, loc } = this.keys.peer(key);
    return this.commands.script('watch', [watch, loc], [node, ttlMs], (reply) => {
      const [online, at, epoch, owner] = list(reply);
      return {
        kind: 'state',
        online: number(online) === 1,
        at: number(at),
        epoch: number(epoch),
        node: text(owner) as NodeId | '',
      };
    });
  }

  unwatch(key: PeerKey, node: NodeId): Promise<{ kind: 'unwatched' } | Unavailable> {
    const { watch } = this.keys.peer(key);
    const { client } = this.commands;
    return this.commands.run(
      'unwatch',
      () => client.hdel(watch, node),
      () => ({ kind: 'unwatched' }),
    );
  }
}
