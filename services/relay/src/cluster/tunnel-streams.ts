import type { NodeId } from '@causeway/protocol';
import type { InboxEntry } from '../core/ports.ts';
import type { TunnelStreams, TunnelWriter } from '../core/tunnel-ports.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';
import { StreamReader } from './stream-reader.ts';
import { TunnelTrimmer } from './tunnel-trimmer.ts';
import { RedisTunnelWriter } from './tunnel-writer.ts';

/** Envelopes of one reading: each may hold some of the largest frames, and together they are to be a few MiB at most. */
const READ_COUNT = 16;

interface Reading {
  readonly reader: StreamReader;
  readonly trimmer: TunnelTrimmer;
}

export class RedisTunnelStreams implements TunnelStreams {
  private readonly commands: Commands;
  private readonly bulk: Commands;
  private readonly keys: Keys;
  private readonly connectReader: () => Commands;
  private reading: Reading | null = null;

  /**
   * @param bulk a connection for what is large, so that small commands are not behind it
   * @param connectReader makes the connection that the blocking read has for itself
   */
  constructor(commands: Commands, bulk: Commands, keys: Keys, connectReader: () => Commands) {
    this.commands = commands;
    this.bulk = bulk;
    this.keys = keys;
    this.connectReader = connectReader;
  }

  writer(to: NodeId, maxBytes: number): TunnelWriter {
    const { commands, bulk } = this;
    const { state, tunnels } = this.keys.node(to);
    return new RedisTunnelWriter({ commands, bulk, state, tunnels, maxBytes });
  }

  start(node: NodeId, onEnvelopes: (envelopes: readonly Uint8Array[]) => void): void {
    if (this.reading) throw new Error('the tunnel stream is being read already');
    const { state, tunnels } = this.keys.node(node);
    const trimmer = new TunnelTrimmer(this.commands, state, tunnels);
    const onEntries = (entries: readonly InboxEntry[]): void => {
      onEnvelopes(entries.map(({ envelope }) => envelope));
      trimmer.remove(entries);
    };
    const reader = new StreamReader({
      commands: this.connectReader(),
      key: tunnels,
      count: READ_COUNT,
      names: { read: 'tunnelRead', check: 'tunnelCheck' },
      onEntries,
    });
    this.reading = { reader, trimmer };
    reader.start();
  }

  async stop(): Promise<void> {
    const { reading } = this;
    this.reading = null;
    await reading?.reader.stop();
    await reading?.trimmer.stop();
  }
}
