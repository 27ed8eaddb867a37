import type { Redis } from 'ioredis';
import type { Reply } from './commands.ts';
import { WAIT_MS } from './connect.ts';
import type { Arg, ScriptText } from './scripts.ts';

/** How long replicas have behind a batch that too few have confirmed: what stores nothing should not wait for them. */
const SHORT_WAIT_MS = 50;
const BATCH_WRITES = 256;
/** Of what waits behind the batch under way: beyond it writes are refused, and their callers come again. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

/** One call of a script. */
export interface Write {
  readonly script: ScriptText;
  readonly keys: readonly string[];
  readonly args: readonly Arg[];
  /** The slot is on its way to this server: it takes the write only when told so. */
  readonly asking: boolean;
}

/** A script's reply, and how many replicas have everything that the server wrote up to it. */
export interface Written {
  readonly reply: Reply;
  readonly replicas: number;
}

interface Waiting extends Write {
  readonly bytes: number;
  resolve(written: Written): void;
  reject(error: Error): void;
}

type Result = readonly [error: Error | null, reply: unknown];

/**
 * Writes on one connection to one primary, which is blocked while the replicas confirm. So there is one batch at a
 * time: many writes and one WAIT behind them; what comes meanwhile makes the next batch.
 */
export class WriteLane {
  private readonly client: Redis;
  private readonly minReplicas: number;
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private busy = false;
  private lacksReplicas = false;
  /** The server knows these scripts, as far as this connection has seen. */
  private readonly loaded = new Set<ScriptText>();

  constructor(client: Redis, minReplicas: number) {
    this.client = client;
    this.minReplicas = minReplicas;
    // Another server may answer behind the same address.
    client.on('close', () => this.loaded.clear());
  }

  /** Rejects with the script's error, or when nothing is known of its outcome. */
  run(write: Write): Promise<Written> {
    if (this.client.status !== 'ready') return Promise.reject(new Error('Connection is closed.'));
    const bytes = sizeOf(write.args);
    if (this.waitingBytes + bytes > MAX_WAITING_BYTES) return Promise.reject(new Error('too many writes wait'));
    return new Promise((resolve, reject) => {
      this.waiting.push({ ...write, bytes, resolve, reject });
      this.waitingBytes += bytes;
      if (!this.busy) void this.drain();
    });
  }

  close(): void {
    this.client.disconnect();
  }

  private async drain(): Promise<void> {
    this.busy = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_WRITES);
      for (const { bytes } of batch) this.waitingBytes -= bytes;
      await this.send(batch);
    }
    this.busy = false;
  }

  private async send(batch: readonly Waiting[]): Promise<void> {
    try {
      const pipeline = this.client.pipeline();
      for (const script of new Set(batch.map((write) => write.script))) {
        if (!this.loaded.has(script)) pipeline.script('LOAD', script.lua);
      }
      const first = pipeline.length;
      const places = batch.map(({ script, keys, args, asking }) => {
        if (asking) pipeline.asking();
        pipeline.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args);
        return pipeline.length - 1;
      });
      pipeline.wait(this.minReplicas, this.lacksReplicas ? SHORT_WAIT_MS : WAIT_MS);
      const results: readonly Result[] = (await pipeline.exec()) ?? [];
      if (results.slice(0, first).every(([error]) => error === null)) {
        for (const { script } of batch) this.loaded.add(script);
      }
      this.settle(batch, places, results);
    } catch (error) {
      for (const write of batch) write.reject(error as Error);
    }
  }

  private settle(batch: readonly Waiting[], places: readonly number[], results: readonly Result[]): void {
    const [waitError, count] = results.at(-1) as Result;
    const replicas = Number(count);
    this.lacksReplicas = waitError === null && replicas < this.minReplicas;
    for (const [index, write] of batch.entries()) {
      const [error, reply] = results[places[index] as number] as Result;
      if (error?.message.startsWith('NOSCRIPT')) this.loaded.delete(write.script);
      if (error !== null || waitError !== null) write.reject((error ?? waitError) as Error);
      else write.resolve({ reply: reply as Reply, replicas });
    }
  }
}

function sizeOf(args: readonly Arg[]): number {
  let bytes = 0;
  for (const arg of args) bytes += typeof arg === 'number' ? 8 : arg.length;
  return bytes;
}
