import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ConsistencyReport } from '../core/consistency.ts';
import type { RebalanceReply } from '../core/rebalance.ts';
import { type Answer, failure, json } from './answer.ts';
import { type AdminTokens, mayAct, type Role } from './tokens.ts';

const MAX_BODY_BYTES = 16 * 1024;
const OFF = 'the admin API is off: set CAUSEWAY_ADMIN_TOKENS or CAUSEWAY_ADMIN_TOKENS_FILE to a list of role:token';

/** What an operator can have a node do. */
export interface Operations {
  /** Sends all clients away, settles everything and ends the process. Repeated calls change nothing. */
  drain(): void;
  /** Milliseconds that a drain may take. */
  readonly drainMs: number;
  connections(): number;
  rebalance(limit: number | undefined): RebalanceReply | { readonly kind: 'draining' };
  consistency(): Promise<ConsistencyReport>;
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly role: Role;
  /** `body`: what was sent, parsed; an empty object for nothing. */
  run(operations: Operations, body: unknown): Answer | Promise<Answer>;
}

const noFields = z.strictObject({});
const rebalanceBody = z.strictObject({ limit: z.int().min(1).optional() });

const ROUTES: Readonly<Record<string, Route>> = {
  '/admin/drain': { method: 'POST', role: 'operate', run: withBody(noFields, drain) },
  '/admin/rebalance': {
    method: 'POST',
    role: 'operate',
    run: withBody(rebalanceBody, (operations, { limit }) => rebalance(operations.rebalance(limit))),
  },
  '/admin/consistency': {
    method: 'GET',
    role: 'read',
    run: async (operations) => json(200, await operations.consistency()),
  },
};

/** The part of the admin port that changes things or tells more than health and metrics: `/admin/...`. */
export class AdminApi {
  private readonly tokens: AdminTokens;
  private readonly operations: Operations;

  constructor(tokens: AdminTokens, operations: Operations) {
    this.tokens = tokens;
    this.operations = operations;
  }

  /** @param path without the query */
  async answer(request: IncomingMessage, path: string): Promise<Answer> {
    if (this.tokens.isEmpty) return failure(404, 'admin_api_off', OFF);
    const role = this.tokens.roleOf(request.headers.authorization);
    if (role === null) {
      const headers = { 'www-authenticate': 'Bearer realm="causeway"' };
      return failure(401, 'unauthorized', 'send a known token: Authorization: Bearer <token>', {}, headers);
    }
    const route = ROUTES[path];
    if (route === undefined) return failure(404, 'not_found', 'there is no such path', { path });
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== route.method) {
      return failure(405, 'method_not_allowed', `${path} takes ${route.method}`, {}, { allow: route.method });
    }
    if (!mayAct(role, route.role)) {
      return failure(403, 'forbidden', `this needs a token of the role ${route.role}, yours is of ${role}`);
    }
    const text = await readText(request);
    if (text === null) return failure(413, 'too_large', `a body holds ${MAX_BODY_BYTES} bytes at most`);
    const body = parseJson(text);
    if (body === undefined) return failure(400, 'bad_request', 'the body is no JSON');
    return route.run(this.operations, body);
  }
}

function withBody<T>(
  schema: z.ZodType<T>,
  run: (operations: Operations, body: T) => Answer,
): (operations: Operations, body: unknown) => Answer {
  return (operations, body) => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return run(operations, parsed.data);
    const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(': '));
    return failure(400, 'bad_request', `the body is not as it should be: ${problems.join('; ')}`);
  };
}

function drain(operations: Operations): Answer {
  const { drainMs } = operations;
  const body = { status: 'draining', connections: operations.connections(), drainSeconds: drainMs / 1000 };
  // Behind the answer: a node without clients is gone at once.
  return json(202, body, { afterwards: () => operations.drain() });
}

function rounded(mean: number): number {
  return Math.round(mean * 10) / 10;
}

function rebalance(reply: RebalanceReply | { readonly kind: 'draining' }): Answer {
  switch (reply.kind) {
    case 'started':
      return json(202, { sentAway: reply.count, seconds: reply.seconds, meanConnections: rounded(reply.mean) });
    case 'balanced':
      return json(200, { sentAway: 0, seconds: 0, meanConnections: rounded(reply.mean) });
    case 'nowhere':
      return failure(
        409,
        'nowhere_to_go',
        'no other node that has room has told where clients reach it: set CAUSEWAY_PUBLIC_URL on each',
        { surplus: reply.surplus, meanConnections: rounded(reply.mean) },
      );
    case 'running':
      return failure(409, 'running', 'clients are being sent away already, or have just been', { left: reply.left });
    case 'draining':
      return failure(409, 'draining', 'the node sends all its clients away already');
  }
}

/** Null when it is too long. */
async function readText(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
