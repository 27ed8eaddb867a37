import { z } from 'zod';
import { json, unavailable } from '../answer.ts';
import { type Route, route } from '../route.ts';
import { instant, numeric } from '../schemas.ts';

const MAX_ENTRIES = 10_000;

const entry = z.object({
  at: instant,
  node: z.string().describe('the one that was asked'),
  by: z.string().describe("the token's role, and the end of its digest"),
  action: z.string(),
  details: z.record(z.string(), z.unknown()),
});

export const AUDIT_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/audit',
    role: 'read',
    summary: 'What operators have changed, newest first',
    query: z.strictObject({ count: numeric(1, MAX_ENTRIES).default(100) }),
    answers: { 200: ['the entries', z.object({ entries: z.array(entry) })] },
    async run({ operations, query: { count } }) {
      const reply = await operations.audit.read(count);
      if (reply.kind === 'unavailable') return unavailable(reply);
      const entries = reply.entries.map(({ details, ...rest }) => ({
        ...rest,
        details: JSON.parse(details) as object,
      }));
      return json(200, { entries });
    },
  }),
];
