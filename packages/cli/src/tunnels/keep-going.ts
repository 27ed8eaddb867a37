import type { Tunnel } from '@causeway/client';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { LostError, TransferError } from '../transfer/errors.ts';
import { faultOfCut } from '../transfer/exchange.ts';
import { roughDuration } from '../units.ts';

export interface Persistence<T extends Tunnel> {
  /** Another tunnel to the same end. Rejects when the signal aborts. */
  readonly next: (signal: AbortSignal) => Promise<T>;
  /** Grows as the transfer gets on. */
  readonly progress: () => number;
  /** Milliseconds without progress after which it ends. */
  readonly limitMs: number;
  readonly onLost: (reason: string) => void;
  readonly onResumed: () => void;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Runs `attempt` over one tunnel after the other, until it ends other than by a loss.
 * @throws TransferError; Failure when there was no tunnel for too long
 */
export async function keepGoing<T extends Tunnel, Result>(
  first: T,
  attempt: (tunnel: T) => Promise<Result>,
  { next, progress, limitMs, onLost, onResumed, signal }: Persistence<T>,
): Promise<Result> {
  let tunnel = first;
  let reached = -1;
  let patience = AbortSignal.timeout(limitMs);
  for (;;) {
    try {
      return await attempt(tunnel);
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
      const fault = await faultOf(tunnel);
      if (fault !== null) throw fault;
      onLost(error.message);
    }
    if (progress() > reached) patience = AbortSignal.timeout(limitMs);
    reached = progress();
    try {
      tunnel = await next(AbortSignal.any([patience, signal]));
    } catch (error) {
      if (signal.aborted) throw new TransferError('cancelled', 'cancelled');
      if (!patience.aborted) throw error;
      const waited = roughDuration(limitMs);
      throw new Failure(ExitCode.temporary, `the other end was lost, and did not come back in ${waited}. ${HOW_TO}`);
    }
    onResumed();
  }
}

const HOW_TO =
  'What has arrived is kept: run `causeway send-file` and `causeway receive` again, with the new code, to go on from there.';

/** What the other end has said as it cut the tunnel. */
async function faultOf(tunnel: Tunnel): Promise<TransferError | null> {
  // What is lost is of no more use, and closing it settles how it ended.
  tunnel.close('lost');
  const end = await tunnel.closed;
  return end.kind === 'closed' && end.byPeer ? faultOfCut(end.reason) : null;
}
