import type { NodeId } from '@causeway/protocol';
import type { AuditOperations } from '../admin/operations.ts';
import type { Log } from '../core/clock.ts';
import type { AuditTrail } from '../core/shared-ports.ts';

export function auditOperations(trail: AuditTrail, node: () => NodeId, log: Log): AuditOperations {
  return {
    async append(by, action, details) {
      const entry = { node: node(), by, action, details: JSON.stringify(details) };
      const reply = await trail.append(entry);
      // The log is the only trace then.
      if (reply.kind === 'unavailable')
        log.error({ ...entry, reason: reply.reason }, 'a change is not in the audit trail');
    },
    read: (count) => trail.read(count),
  };
}
