import { Cluster, Command, type Redis } from 'ioredis';
import type { Unavailable } from '../core/ports.ts';
import type { Commands, Reply, ScriptRunner } from './commands.ts';
import { type ScriptArgs, type ScriptKeys, type ScriptName, type ScriptText, scriptText } from './scripts.ts';
import type { RedisAddress } from './url.ts';
import { type Write, WriteLane, type Written } from './write-lane.ts';

const REDIRECTION = /^(MOVED|ASK) \d+ (\S+)$/;
/** A slot that has just moved, and is moving on. */
const MAX_REDIRECTIONS = 3;
/** The key of the one lane where there is one server only. */
const ONLY = '';

export interface ReplicatedWritesOptions {
  readonly commands: Commands;
  readonly minReplicas: number;
  /** Makes the connection of a lane; without an address to the one server there is. */
  readonly connect: (address: RedisAddress | null) => Redis;
}

/**
 * Scripts that store messages: `stored` is answered only when enough replicas have them, else `Unavailable`. A repeated
 * write gets its recorded answer and waits again.
 *
 * WAIT speaks of its own connection's server, so it must follow the write on the same one: each primary has a lane.
 */
export class ReplicatedWrites implements ScriptRunner {
  private readonly options: ReplicatedWritesOptions;
  private readonly lanes = new Map<string, WriteLane>();
  private readonly texts = new Map<ScriptName, ScriptText>();

  constructor(options: ReplicatedWritesOptions) {
    this.options = options;
    const { client } = options.commands;
    if (!(client instanceof Cluster)) {
      this.open(ONLY, null);
      return;
    }
    // Replicas as well: the one that is promoted has its lane already.
    client.on('+node', ({ options: { host = '', port = 0 } }: Redis) => this.open(`${host}:${port}`, { host, port }));
    client.on('-node', ({ options: { host, port } }: Redis) => this.drop(`${host}:${port}`));
  }

  script<Name extends ScriptName, T extends { readonly kind: string }>(
    name: Name,
    keys: ScriptKeys<Name>,
    args: ScriptArgs<Name>,
    read: (reply: Reply) => T,
  ): Promise<T | Unavailable> {
    const write: Write = { script: this.textOf(name), keys: keys as readonly string[], args, asking: false };
    return this.options.commands.run(
      name,
      () => this.send(write),
      ({ reply, replicas }) => {
        const result = read(reply);
        const { minReplicas } = this.options;
        if (result.kind !== 'stored' || replicas >= minReplicas) return result;
        throw new Error(`NOREPLICAS ${replicas} of ${minReplicas} replicas have it`);
      },
    );
  }

  close(): void {
    for (const lane of this.lanes.values()) lane.close();
    this.lanes.clear();
  }

  private async send(write: Write): Promise<Written> {
    let [address, asking] = [this.primaryOf(write.keys[0] as string), false];
    for (let hops = 0; ; hops++) {
      try {
        return await this.lane(address).run({ ...write, asking });
      } catch (error) {
        const [, kind, target] = REDIRECTION.exec((error as Error).message) ?? [];
        if (target === undefined || hops === MAX_REDIRECTIONS) throw error;
        // Who does not know the server yet will have heard of it at the next refresh of the slots: the caller comes again.
        [address, asking] = [target, kind === 'ASK'];
      }
    }
  }

  private primaryOf(key: string): string {
    const { client } = this.options.commands;
    if (!(client instanceof Cluster)) return ONLY;
    return client.slots[new Command('exists', [key]).getSlot()]?.[0] ?? ONLY;
  }

  private lane(address: string): WriteLane {
    const lane = this.lanes.get(address);
    if (lane === undefined) throw new Error('Connection is closed.');
    return lane;
  }

  private open(name: string, address: RedisAddress | null): void {
    this.drop(name);
    this.lanes.set(name, new WriteLane(this.options.connect(address), this.options.minReplicas));
  }

  private drop(name: string): void {
    this.lanes.get(name)?.close();
    this.lanes.delete(name);
  }

  private textOf(name: ScriptName): ScriptText {
    const text = this.texts.get(name) ?? scriptText(name);
    this.texts.set(name, text);
    return text;
  }
}
