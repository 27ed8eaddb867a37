import type { TunnelAppendReply, TunnelWriter } from '../core/tunnel-ports.ts';
import { type Commands, text } from './commands.ts';

/** Bytes after which they are counted: seldom enough that it costs little beside carrying them. */
const COUNT_BYTES = 512 * 1024;
/** No more may be added uncounted. */
const MOST_UNCOUNTED_BYTES = 2 * COUNT_BYTES;
/** What a dead node leaves goes so long after the last append, if nobody ends its inbox. */
export const KEEP_MS = 3_600_000;

interface WriterOptions {
  readonly commands: Commands;
  /** A connection for what is large, so that small commands are not behind it. */
  readonly bulk: Commands;
  readonly state: string;
  readonly tunnels: string;
  readonly maxBytes: number;
}

/**
 * Adds envelopes to a node's stream by XADD alone, as a script would copy each of them twice within Redis. Whether the
 * node still takes them, and how many bytes wait, is asked by a script beside it, every so many bytes: so a stream may
 * get a little more than it may hold, and a node that is gone keeps its stream closed, because only that script opens it.
 */
export class RedisTunnelWriter implements TunnelWriter {
  private readonly options: WriterOptions;
  /** Added, and not counted yet. */
  private uncounted = 0;
  private counting: Promise<TunnelAppendReply> | null = null;
  /** It is to be asked before anything is added: for the first time, and after it took nothing. */
  private isClosed = true;

  constructor(options: WriterOptions) {
    this.options = options;
  }

  async append(envelope: Uint8Array): Promise<TunnelAppendReply> {
    if (this.isClosed || this.uncounted >= MOST_UNCOUNTED_BYTES) {
      const reply = await this.count();
      if (reply.kind !== 'ok') return reply;
    }
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength);
    return (await this.add(bytes)) ?? (await this.addAnew(bytes));
  }

  /** The stream is not there: the node is gone, or the store had lost it, and it is opened again. */
  private async addAnew(bytes: Buffer): Promise<TunnelAppendReply> {
    const reply = await this.count();
    return reply.kind === 'ok' ? ((await this.add(bytes)) ?? { kind: 'missing' }) : reply;
  }

  /** Null: there is no stream. */
  private async add(bytes: Buffer): Promise<TunnelAppendReply | null> {
    const { commands, bulk, tunnels } = this.options;
    // Until it is connected, and while it is not.
    const by = bulk.client.status === 'ready' ? bulk : commands;
    const reply = await by.run(
      'tunnelAppend',
      () => by.client.xadd(tunnels, 'NOMKSTREAM', '*', 'e', bytes),
      (id) => ({ kind: id === null ? 'missing' : 'ok' }) as const,
    );
    if (reply.kind === 'missing') return null;
    if (reply.kind === 'unavailable') return reply;
    this.uncounted += bytes.length;
    if (this.uncounted >= COUNT_BYTES) void this.count();
    return reply;
  }

  /** One count is under way at a time. */
  private count(): Promise<TunnelAppendReply> {
    this.counting ??= this.countOnce().finally(() => {
      this.counting = null;
    });
    return this.counting;
  }

  private async countOnce(): Promise<TunnelAppendReply> {
    const { commands, state, tunnels, maxBytes } = this.options;
    const bytes = this.uncounted;
    const reply = await commands.script('tunnelAccount', [state, tunnels], [bytes, maxBytes, KEEP_MS], (answer) => ({
      kind: text(answer) as 'ok',
    }));
    // One that was not answered is repeated, and may count twice: until the stream is empty for the next time.
    if (reply.kind !== 'unavailable') this.uncounted -= bytes;
    this.isClosed = reply.kind !== 'ok';
    return reply;
  }
}
