import type { Unavailable } from '../core/ports.ts';
import type { RedisClient } from './connect.ts';
import { isRefusal, reasonOf } from './reasons.ts';
import type { Arg, ScriptArgs, ScriptKeys, ScriptName } from './scripts.ts';

/** Told of each command: its name, how long it took, and whether it was answered. */
export type OnCommand = (name: string, milliseconds: number, ok: boolean) => void;

/** What a script answers; text comes as Buffer. */
export type Reply = Buffer | number | null | readonly Reply[];

type ScriptCommand = (...args: readonly Arg[]) => Promise<Reply>;

/** Runs a script and reads its reply; a reply that cannot be read counts as a fault. */
export interface ScriptRunner {
  script<Name extends ScriptName, T extends { readonly kind: string }>(
    name: Name,
    keys: ScriptKeys<Name>,
    args: ScriptArgs<Name>,
    read: (reply: Reply) => T,
  ): Promise<T | Unavailable>;
}

/** The one way to Redis: measures every command and turns every fault into `Unavailable`. */
export class Commands {
  readonly client: RedisClient;
  private readonly onCommand: OnCommand;

  constructor(client: RedisClient, onCommand: OnCommand) {
    this.client = client;
    this.onCommand = onCommand;
  }

  /** Runs a script and reads its reply; a reply that cannot be read counts as a fault. */
  script<Name extends ScriptName, T>(
    name: Name,
    keys: ScriptKeys<Name>,
    args: ScriptArgs<Name>,
    read: (reply: Reply) => T,
  ): Promise<T | Unavailable> {
    return this.run(
      name,
      () => {
        // defineScripts added this command; ioredis's types do not know of it.
        const commands = this.client as unknown as Record<string, ScriptCommand>;
        return (commands[`${name}Buffer`] as ScriptCommand).call(this.client, ...keys, ...args);
      },
      read,
    );
  }

  async run<R, T>(name: string, send: () => Promise<R>, read: (reply: R) => T): Promise<T | Unavailable> {
    const start = performance.now();
    try {
      const result = read(await send());
      this.onCommand(name, performance.now() - start, true);
      return result;
    } catch (error) {
      this.onCommand(name, performance.now() - start, false);
      const reason = reasonOf(error);
      return { kind: 'unavailable', reason, ...(isRefusal(reason) && { refused: true }) };
    }
  }
}

export function list(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) throw new TypeError('unexpected reply: no list');
  return reply;
}

export function bytes(reply: Reply | undefined): Buffer {
  if (!Buffer.isBuffer(reply)) throw new TypeError('unexpected reply: no text');
  return reply;
}

export function text(reply: Reply | undefined): string {
  return bytes(reply).toString('utf8');
}

export function number(reply: Reply | undefined): number {
  const value = typeof reply === 'number' ? reply : Number(text(reply));
  if (!Number.isFinite(value)) throw new TypeError('unexpected reply: no number');
  return value;
}
