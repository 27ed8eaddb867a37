import type { NodeId } from '@causeway/protocol';
import { ENVELOPE_VERSION } from '../core/node-frames.ts';
import type { Membership, NodeRecord, Unavailable } from '../core/ports.ts';
import { type Commands, number, type Reply, text } from './commands.ts';
import type { Keys } from './keys.ts';

export class RedisMembership implements Membership {
  private readonly commands: Commands;
  private readonly keys: Keys;
  private readonly release: string;

  constructor(commands: Commands, keys: Keys, release: string) {
    this.commands = commands;
    this.keys = keys;
    this.release = release;
  }

  renew(record: Parameters<Membership['renew']>[0], leaseMs: number): ReturnType<Membership['renew']> {
    const { node, region, url, connections, state } = record;
    return this.commands.script(
      'nodeRenew',
      [this.keys.nodes],
      [node, region, url, connections, state, leaseMs, ENVELOPE_VERSION, this.release],
      (reply) => {
        const [kind, now, ...records] = reply as Reply[];
        if (text(kind) === 'dead') return { kind: 'dead' };
        const nodes = records.map((one) => JSON.parse(text(one)) as NodeRecord);
        return { kind: 'renewed', now: number(now), nodes };
      },
    );
  }

  declareDead(
    dead: NodeId,
    by: NodeId,
    leaseMs: number,
  ): Promise<{ kind: 'declared' } | { kind: 'refused' } | Unavailable> {
    return this.commands.script('nodeDeclareDead', [this.keys.nodes], [dead, by, leaseMs], (reply) => ({
      kind: text(reply) as 'declared' | 'refused',
    }));
  }

  bury(dead: NodeId): Promise<{ kind: 'buried' } | Unavailable> {
    return this.commands.script('nodeBury', [this.keys.nodes], [dead], () => ({ kind: 'buried' }));
  }

  leave(node: NodeId): Promise<{ kind: 'left' } | Unavailable> {
    return this.commands.script('nodeLeave', [this.keys.nodes], [node], () => ({ kind: 'left' }));
  }
}
