/** Times are milliseconds of one clock for all clients (`performance.now()`). */

export interface Sent {
  readonly to: string;
  /** Of the sender: grows by 1 with each message, whoever it is for. */
  readonly id: number;
  readonly digest: number;
  readonly at: number;
  /** Sender and recipient were on different nodes, by the last WELCOME of each. */
  readonly crossing: boolean;
}

/** The final outcome of a message, as its sender was told. */
export interface Outcome {
  readonly id: number;
  /** The name of a receipt's status: `delivered`, `queued`, or the refusal. */
  readonly status: string;
  readonly at: number;
}

/** Whether the relay has promised that the message will be shown. */
export function isGood(status: string): boolean {
  return status === 'delivered' || status === 'queued';
}

export interface Shown {
  readonly from: string;
  readonly id: number;
  readonly digest: number;
  /** It waited in the mailbox. */
  readonly stored: boolean;
  readonly at: number;
}

/** A connection of a client, from its WELCOME on. */
export interface Welcomed {
  readonly node: string;
  readonly at: number;
}

/** What one running client did and saw, each list in the order in which it happened. */
export interface History {
  readonly peer: string;
  /** Ids below it are of an earlier history, which has been checked. */
  readonly firstId: number;
  readonly sent: readonly Sent[];
  readonly outcomes: readonly Outcome[];
  readonly shown: readonly Shown[];
  readonly connections: readonly Welcomed[];
  /** When it was told of each refusal for now, which its library met by sending again. */
  readonly refusals: readonly number[];
}
