import type { Counters } from '../core/counters.ts';
import type { Attempts } from '../core/shared-ports.ts';

/** Counts the attempts that have to wait. */
export function countedAttempts(attempts: Attempts, counters: () => Counters): Attempts {
  const counted =
    (method: 'take' | 'blockedFor'): Attempts['take'] =>
    async (attempt, subject) => {
      const waitMs = await attempts[method](attempt, subject);
      if (waitMs > 0) counters().attemptsRefused[attempt] += 1;
      return waitMs;
    };
  return { take: counted('take'), blockedFor: counted('blockedFor') };
}
