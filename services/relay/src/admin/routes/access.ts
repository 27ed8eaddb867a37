import { z } from 'zod';
import { type Answer, conflict, json, notFound, unavailable } from '../answer.ts';
import type { AccessAddition, AccessList } from '../operations.ts';
import { badRequest } from '../problems.ts';
import { type Ask, type Route, route } from '../route.ts';
import { instant, peer, realm, reason, seconds, version } from '../schemas.ts';

const range = z.string().min(1).max(64).describe('an address, or a range such as 192.0.2.0/24 or 2001:db8::/32');
const token = z.string().min(1).max(256).describe('`jti` of the token');
const until = instant.nullable().describe('milliseconds since 1970; null for ever');
const rest = { reason, seconds };

const banBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('peer'), realm, peer, ...rest }),
  z.strictObject({ kind: z.literal('realm'), realm, ...rest }),
  z.strictObject({ kind: z.literal('address'), range, ...rest }),
]);
const allowBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('peer'), realm, peer, ...rest }),
  z.strictObject({ kind: z.literal('address'), realm, range, ...rest }),
]);
const revocationBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('token'), token, realm: realm.optional(), ...rest }),
  z.strictObject({ kind: z.literal('peer'), realm, peer, ...rest }),
  z.strictObject({ kind: z.literal('realm'), realm, ...rest }),
]);

const entry = {
  id: z.string(),
  realm: z.string().optional(),
  peer: z.string().optional(),
  range: z.string().optional(),
  token: z.string().optional(),
  reason: z.string(),
  at: instant,
  until,
};
const view = z.object({
  version,
  bans: z.array(z.object({ ...entry, kind: z.enum(['peer', 'realm', 'address']) })),
  allow: z.array(z.object({ ...entry, kind: z.enum(['peer', 'address']) })),
  revocations: z.array(z.object({ ...entry, kind: z.enum(['token', 'peer', 'realm']) })),
});
const CONFLICT = { 409: '`conflict`: others changed the lists at the same time; try again' };

export const ACCESS_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/admin/access',
    role: 'read',
    summary: 'Bans, allow lists and revocations',
    answers: { 200: ['the lists; what has ended is left out', view] },
    async run({ operations }) {
      const reply = await operations.access.look();
      if (reply.kind === 'unavailable') return unavailable(reply);
      return json(200, { version: reply.version, ...reply.lists });
    },
  }),
  ...editing('bans', '/admin/bans', 'ban', 'Keeps a peer, a realm or a range of addresses out', banBody),
  ...editing(
    'allow',
    '/admin/allow-lists',
    'allow',
    'Lets only those in that an entry names, once a realm has entries',
    allowBody,
  ),
  ...editing('revocations', '/admin/revocations', 'revocation', 'Ends tokens before their time', revocationBody),
];

type Body = z.output<typeof banBody> | z.output<typeof allowBody> | z.output<typeof revocationBody>;

/** The two routes that change a list. */
function editing<B extends z.ZodType<Body>>(
  list: AccessList,
  path: string,
  name: string,
  summary: string,
  body: B,
): Route[] {
  return [
    route({
      method: 'POST',
      path,
      role: 'operate',
      summary,
      body,
      answers: { 201: ['it is in force on all nodes within a second', z.object({ id: z.string(), version })] },
      errors: CONFLICT,
      action: `${name}.add`,
      run: (ask) => add(list, ask),
    }),
    route({
      method: 'DELETE',
      path: `${path}/{id}`,
      role: 'operate',
      summary: 'Takes the entry off the list',
      params: z.object({ id: z.string().min(1).max(100) }),
      answers: { 200: ['it holds no more', z.object({ version })] },
      errors: { 404: 'there is no such entry', ...CONFLICT },
      action: `${name}.remove`,
      async run({ operations, params: { id }, by }) {
        const reply = await operations.access.remove(list, id, by);
        if (reply.kind === 'unavailable') return unavailable(reply);
        if (reply.kind === 'missing') return notFound('there is no such entry', { id });
        if (reply.kind === 'conflict') return conflict(reply.version);
        return json(200, { version: reply.version }, { audit: { id } });
      },
    }),
  ];
}

async function add(list: AccessList, { operations, body, by }: Ask<unknown, unknown, Body>): Promise<Answer> {
  const { seconds, ...rest } = body;
  const entry: AccessAddition = { ...rest, until: seconds === undefined ? null : Date.now() + seconds * 1000 };
  const reply = await operations.access.add(list, entry, by);
  switch (reply.kind) {
    case 'unavailable':
      return unavailable(reply);
    case 'invalid':
      return badRequest(reply.problems);
    case 'conflict':
      return conflict(reply.version);
    case 'changed': {
      const { id, version } = reply;
      return json(201, { id, version }, { audit: { id, ...entry } });
    }
  }
}
