import type { NodeId } from '@causeway/protocol';
import type { Membership, NodeRecord, Unavailable } from '../core/ports.ts';
import { type Commands, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisMembership implements Membership {
  private readonly commands: Commands;
  private readonly keys: Keys;

  constructor(commands: Commands, keys: Keys) {
    this.commands = commands;
    this.keys = keys;
  }

  renew(
    record: Parameters<Membership['renew']>[0],
    leaseMs: number,
  ): Promise<{ kind: 'renewed' } | { kind: 'dead' } | Unavailable> {
    const { node, region, url, connections, state } = record;
    return this.commands.script(
      'nodeRenew',
      [this.keys.nodes],
      [node, region, url, connections, state, leaseMs],
      (reply) => ({ kind: text(reply) === 'dead' ? 'dead' : 'renewed' }),
    );
  }

  leave(node: NodeId): Promise<{ kind: 'left' } | Unavailable> {
    return this.commands.script('nodeLeave', [this.keys.nodes], [node], () => ({ kind: 'left' }));
  }

  nodes(): Promise<{ kind: 'nodes'; nodes: readonly NodeRecord[] } | Unavailable> {
    const { client } = this.commands;
    return this.commands.run(
      'nodes',
      () => client.hvals(this.keys.nodes),
      (records) => ({ kind: 'nodes', nodes: records.map((record) => JSON.parse(record) as NodeRecord) }),
    );
  }
}
