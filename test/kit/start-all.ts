export interface Stoppable {
  stop(): Promise<unknown>;
}

/** Starts several at once; if one fails, the others are stopped before the error is passed on. */
export async function startAll<T extends Stoppable>(starts: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(starts);
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure === undefined) return started;
  await stopAll(started);
  throw failure.reason;
}

/** Stops all, also when stopping one fails, and then passes the first error on. */
export async function stopAll(all: readonly Stoppable[]): Promise<void> {
  const results = await Promise.allSettled(all.map((one) => one.stop()));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
