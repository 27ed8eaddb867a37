import type { UsageOperations } from '../admin/operations.ts';
import type { Store } from '../core/ports.ts';
import { mergeTop } from '../core/rates.ts';
import { readUsage } from '../core/usage-report.ts';

export function usageOperations({ usage, snapshots }: Pick<Store, 'usage' | 'snapshots'>): UsageOperations {
  return {
    read: (query) => readUsage(usage, query),
    async top(count) {
      const reply = await snapshots.read();
      return reply.kind === 'unavailable' ? reply : { kind: 'top', top: mergeTop(reply.texts, count) };
    },
  };
}
