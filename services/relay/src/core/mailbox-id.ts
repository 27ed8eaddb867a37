import type { MailboxId } from './ports.ts';

/** Milliseconds since 1970, by the store's clock, at which the entry was stored. */
export function storedAt(entry: MailboxId): number {
  return Number(entry.slice(0, entry.indexOf('-')));
}

/** Whether `a` was stored no later than `b`; nothing is before the empty id. */
export function isAtOrBefore(a: MailboxId, b: MailboxId | ''): boolean {
  if (b === '') return false;
  const difference = storedAt(a) - storedAt(b);
  if (difference !== 0) return difference < 0;
  return Number(a.slice(a.indexOf('-') + 1)) <= Number(b.slice(b.indexOf('-') + 1));
}
