/** Milliseconds since 1970. */
export interface Clock {
  now(): number;
}

/** Timers of the outside, so that the rules run under any clock. */
export interface Timers {
  /** Calls once after `ms`; the returned function cancels. */
  after(ms: number, call: () => void): () => void;
  /** Calls once when everything that has come in by now has been dealt with. */
  soon(call: () => void): void;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
