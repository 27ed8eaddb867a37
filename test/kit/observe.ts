import type { Labels } from './metrics.ts';
import type { LogRecord, Relay } from './relay.ts';

/** The metric over all relays. */
export async function total(relays: readonly Relay[], name: string, labels: Labels = {}): Promise<number> {
  const all = await Promise.all(relays.map((relay) => relay.metrics()));
  return all.reduce((sum, metrics) => sum + metrics.value(name, labels), 0);
}

/** What a relay logged that it should not have: errors, and output that is no record. */
export function complaints({ logs }: Pick<Relay, 'logs'>): LogRecord[] {
  const harmless: readonly unknown[] = ['trace', 'debug', 'info', 'warn'];
  return logs.filter(({ level }) => !harmless.includes(level));
}

/** The name under which a relay runs. */
export async function nodeOf({ port }: Relay): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const { node } = (await response.json()) as { node: string };
  return node;
}
