import { z } from 'zod';
import { failure, json, unavailable } from '../answer.ts';
import { type Route, route } from '../route.ts';
import { count, numeric, realm } from '../schemas.ts';
import { usageCsv, usageRows } from '../usage-export.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MOST_NAMED = 50;
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

const time = z
  .string()
  .transform((text, context): number => {
    const at = /^\d{1,15}$/.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at)) context.addIssue('is no time: milliseconds since 1970, or ISO 8601 with its zone');
    return at;
  })
  .describe('milliseconds since 1970, or ISO 8601 with its zone');

const amount = z.number().min(0);
const record = z.object({
  realm: z.string(),
  hour: z.string().describe('its beginning, ISO 8601 in UTC'),
  peer: z.string().optional().describe('absent: of the whole realm; empty: of peers that were too many to tell apart'),
  messagesIn: count,
  bytesIn: count,
  messagesOut: count,
  bytesOut: count,
  mailboxByteHours: amount,
  connectionSeconds: amount,
  tunnelBytes: count,
});

const rate = { messagesPerSecond: amount, bytesPerSecond: amount };
const top = z.object({
  realms: z.array(z.object({ realm: z.string(), ...rate, connections: count })),
  peers: z.array(z.object({ realm: z.string(), peer: z.string(), ...rate })),
  nodes: count.describe('nodes that have told of themselves'),
});

export const USAGE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/usage',
    role: 'read',
    summary: 'What realms have used, by the hour',
    query: z.strictObject({
      from: time.optional(),
      to: time.optional(),
      realm: realm.optional(),
      peers: z.enum(['true', 'false']).default('false').describe('whether by peer as well'),
      format: z.enum(['json', 'csv']).default('json'),
    }),
    answers: {
      200: [
        'all hours that have a part in the time asked for, by default the last day',
        z.object({ records: z.array(record) }),
      ],
    },
    otherTypes: ['text/csv'],
    async run({ operations, query }) {
      const { realm, peers, format, to = Date.now(), from = to - DAY_MS } = query;
      const hours = { from: Math.floor(from / HOUR_MS), to: Math.ceil(to / HOUR_MS) };
      const reply = await operations.usage.read({ ...hours, realm: realm ?? null, byPeer: peers === 'true' });
      if (reply.kind === 'unavailable') return unavailable(reply);
      if (reply.kind === 'too_much') return failure(400, 'too_much', reply.reason, { problems: [] });
      if (format === 'csv')
        return { status: 200, contentType: 'text/csv; charset=utf-8', body: usageCsv(reply.records) };
      return json(200, { records: usageRows(reply.records) });
    },
  }),
  route({
    method: 'GET',
    path: '/admin/top',
    role: 'read',
    summary: 'The busiest realms and peers over all nodes, in the last seconds',
    query: z.strictObject({ count: numeric(1, MOST_NAMED).default(20).describe('of each') }),
    answers: { 200: ['the busiest first', top] },
    async run({ operations, query: { count } }) {
      const reply = await operations.usage.top(count);
      return reply.kind === 'unavailable' ? unavailable(reply) : json(200, reply.top);
    },
  }),
];
