import { CloseCode, type NodeId } from '@causeway/protocol';
import type { Logger } from '@causeway/service-kit';
import type { Connection, ConnectionHandler } from './core/connection.ts';
import { Counters, type Gauges } from './core/counters.ts';
import { Relay, type RelayDeps } from './core/relay.ts';
import type { Settings } from './core/settings.ts';
import type { Tracer } from './core/tracer.ts';
import { newNodeId } from './settings.ts';

export interface RelayNodeDeps extends Omit<RelayDeps, 'settings' | 'log' | 'onFenced' | 'counters' | 'tracer'> {
  readonly settings: (node: NodeId) => Settings;
  readonly logger: Logger;
  /** Null: nothing is traced. */
  readonly tracer: ((node: NodeId) => Tracer) | null;
}

/** Before the node can serve again, a client that comes is sent on. */
const NOT_YET: ConnectionHandler = {
  receive: () => false,
  malformed: () => undefined,
  silent: () => undefined,
  writable: () => undefined,
  closed: () => undefined,
};

/**
 * The node that this process is. Once the others have declared it dead it must not go on under its id: its clients are
 * sent away, and it begins anew under another one, in the same process and with the same listening sockets.
 */
export class RelayNode {
  readonly counters = new Counters();
  private readonly deps: RelayNodeDeps;
  private relay: Relay;
  private restarting = false;

  constructor(deps: RelayNodeDeps) {
    this.deps = deps;
    this.relay = this.create();
  }

  get settings(): Settings {
    return this.relay.settings;
  }

  /** The relay of this moment; a fenced node has another one later. */
  get current(): Relay {
    return this.relay;
  }

  /** Rejects when the store can't be reached for 30 s. */
  start(): Promise<void> {
    return this.relay.start();
  }

  stop(ms: number): Promise<void> {
    return this.relay.stop(ms);
  }

  open(connection: Connection): ConnectionHandler {
    if (!this.restarting) return this.relay.open(connection);
    connection.close(CloseCode.unavailable, 'the relay is starting again');
    return NOT_YET;
  }

  async echo(ms: number): Promise<boolean> {
    return !this.restarting && (await this.relay.echo(ms));
  }

  gauges(connections: number): Gauges {
    return this.relay.gauges(connections);
  }

  private create(): Relay {
    const { settings, logger, tracer, ...rest } = this.deps;
    const node = newNodeId();
    return new Relay({
      ...rest,
      settings: settings(node),
      counters: this.counters,
      tracer: tracer === null ? null : tracer(node),
      log: logger.child({ node }),
      onFenced: () => void this.startAgain(),
    });
  }

  private async startAgain(): Promise<void> {
    this.restarting = true;
    for (;;) {
      this.relay = this.create();
      try {
        await this.relay.start();
        break;
      } catch (error) {
        this.deps.logger.error({ reason: String(error) }, 'the node could not start again; trying on');
      }
    }
    this.restarting = false;
    const { node } = this.settings;
    this.deps.logger.info({ event: 'restarted', node }, 'the node goes on under a new id');
  }
}
