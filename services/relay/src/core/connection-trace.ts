import type { HelloFrame, PeerId, RealmName } from '@causeway/protocol';
import type { Registered } from './ports.ts';
import type { Span, SpanAttributes, TraceContext, Tracer, TraceStarts } from './tracer.ts';

/** What is traced of one connection, from its HELLO on. */
export class ConnectionTrace {
  readonly starts: TraceStarts;
  /** Of the registration, where that is recorded. */
  readonly registration: TraceContext | null;
  private readonly realm: RealmName;
  private open: Span | null;

  constructor(tracer: Tracer, { traceparent, realm }: HelloFrame) {
    this.realm = realm;
    this.starts = tracer.connection(traceparent);
    this.open = this.starts.begin('register');
    this.registration = this.open;
  }

  registered(peer: PeerId, { renewed, queued }: Registered): void {
    this.end('registered', { 'causeway.peer': peer, 'causeway.renewed': renewed, 'causeway.queued': queued });
  }

  /** The registration came to nothing; without an effect where it had succeeded. */
  failed(outcome: string): void {
    this.end(outcome, {}, true);
  }

  private end(outcome: string, attributes: SpanAttributes, failed = false): void {
    this.open?.end({ 'causeway.realm': this.realm, 'causeway.outcome': outcome, ...attributes }, failed);
    this.open = null;
  }
}
