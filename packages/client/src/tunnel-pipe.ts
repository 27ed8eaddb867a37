import { encodeFrame, encodeUtf8 } from '@causeway/protocol';
import { Deferred } from './deferred.ts';
import { TunnelError } from './errors.ts';
import type { Tunnel, TunnelEnd } from './tunnel.ts';
import { Inflow } from './tunnel-inflow.ts';
import { Outflow } from './tunnel-outflow.ts';
import type { Outlet } from './tunnel-outlet.ts';

/** Of UTF-8, in the reason of a TUNNEL_CLOSE. */
const MAX_REASON_BYTES = 128;

export interface PipeHost {
  readonly outlet: Outlet;
  write(packet: Uint8Array): void;
  /** Frames with this number are of no more use. */
  forget(tunnel: number): void;
}

/** What TUNNEL_OPEN says. */
export interface Opening {
  readonly tunnel: number;
  readonly peer: string;
  /** Bytes that may be sent for a start. */
  readonly credit: number;
}

/** One end of a tunnel, on one connection. */
export class TunnelPipe implements Tunnel {
  readonly peer: string;
  readonly #id: number;
  readonly #host: PipeHost;
  readonly #inflow: Inflow;
  readonly #outflow: Outflow;
  readonly #closed = new Deferred<TunnelEnd>();
  #over = false;

  constructor({ tunnel, peer, credit }: Opening, host: PipeHost) {
    this.peer = peer;
    this.#id = tunnel;
    this.#host = host;
    this.#inflow = new Inflow(credit, {
      onCredit: (bytes) => this.#return(bytes),
      onCancel: (reason) => this.close(reasonText(reason, 'cancelled')),
    });
    this.#outflow = new Outflow(tunnel, credit, {
      onReady: (urgent) => host.outlet.add(this.#outflow, urgent),
      onEnded: () => this.#finishIfDone(),
      onAbort: (reason) => this.close(reasonText(reason, 'aborted')),
    });
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.#inflow.stream;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#outflow.stream;
  }

  get closed(): Promise<TunnelEnd> {
    return this.#closed.promise;
  }

  close(reason = 'closed'): void {
    if (this.#over) return;
    const text = cutReason(reason);
    this.#host.write(encodeFrame({ type: 'tunnel_close', tunnel: this.#id, reason: text }));
    this.#end(new TunnelError('closed', `this end closed the tunnel: ${text}`, { reason: text }), text, false);
  }

  onData(bytes: Uint8Array): void {
    this.#inflow.push(bytes);
  }

  onCredit(bytes: number): void {
    this.#outflow.allow(bytes);
  }

  onEnd(): void {
    this.#inflow.end();
    this.#finishIfDone();
  }

  onClose(reason: string): void {
    this.#end(new TunnelError('closed', `the tunnel was closed: ${reason}`, { reason }), reason, true);
  }

  /** The connection ended, or the client. */
  lost(error: TunnelError): void {
    this.#end(error, error.code, false);
  }

  #return(bytes: number): void {
    if (!this.#over) this.#host.write(encodeFrame({ type: 'tunnel_credit', tunnel: this.#id, bytes }));
  }

  #finishIfDone(): void {
    if (this.#over || !this.#inflow.ended || !this.#outflow.ended) return;
    this.#over = true;
    this.#host.forget(this.#id);
    this.#closed.resolve({ kind: 'done' });
  }

  #end(error: TunnelError, reason: string, byPeer: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.forget(this.#id);
    this.#inflow.fail(error);
    this.#outflow.fail(error);
    this.#closed.resolve({ kind: 'closed', reason, byPeer });
  }
}

function reasonText(reason: unknown, otherwise: string): string {
  if (typeof reason === 'string') return reason;
  return reason instanceof Error ? reason.message : otherwise;
}

/** The longest beginning that TUNNEL_CLOSE takes. */
export function cutReason(reason: string): string {
  const bytes = encodeUtf8(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  let end = MAX_REASON_BYTES;
  // Not within a character: its later bytes are 10xxxxxx.
  while (((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
