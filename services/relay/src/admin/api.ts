import type { IncomingMessage } from 'node:http';
import { type Answer, failure, json, notFound, UNAVAILABLE } from './answer.ts';
import { Entrance, type EntranceDeps } from './entrance.ts';
import { describeApi } from './openapi.ts';
import type { Operations } from './operations.ts';
import { badRequest } from './problems.ts';
import { match, parse, parseParams, parseQuery, type Route } from './route.ts';
import { ROUTES } from './routes/index.ts';
import { mayAct, type Operator } from './tokens.ts';

const OFF = 'the admin API is off: set CAUSEWAY_ADMIN_TOKENS or CAUSEWAY_ADMIN_TOKENS_FILE to a list of role:token';
export const DESCRIPTION_PATH = '/admin/openapi.json';

export interface AdminApiDeps extends EntranceDeps {
  readonly operations: Operations;
}

/** The part of the admin port that changes things or tells more than health and metrics: `/admin/...`. */
export class AdminApi {
  private readonly deps: AdminApiDeps;
  private readonly entrance: Entrance;
  private description: Answer | null = null;

  constructor(deps: AdminApiDeps) {
    this.deps = deps;
    this.entrance = new Entrance(deps);
  }

  async answer(request: IncomingMessage, path: string, query: string): Promise<Answer> {
    if (this.deps.tokens.isEmpty) return failure(404, 'admin_api_off', OFF);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (path === DESCRIPTION_PATH) return method === 'GET' ? this.describe() : wrongMethod(path, ['GET']);
    const operator = await this.entrance.admit(
      request.headers.authorization,
      request.socket.remoteAddress ?? 'unknown',
    );
    if ('status' in operator) return operator;
    const found = ROUTES.flatMap((route) => {
      const params = match(route, path);
      return params === null ? [] : [{ route, params }];
    });
    if (found.length === 0) return notFound('there is no such path', { path });
    const fitting = found.find(({ route }) => route.method === method);
    const methods = found.map(({ route }) => route.method);
    if (fitting === undefined) return wrongMethod(path, methods);
    const { route, params } = fitting;
    if (!mayAct(operator.role, route.role)) {
      return failure(403, 'forbidden', `this needs a token of the role ${route.role}, yours is of ${operator.role}`);
    }
    return this.run(route, params, query, operator, request);
  }

  private describe(): Answer {
    this.description ??= json(200, describeApi(ROUTES, this.deps.operations.limits.policySchema));
    return this.description;
  }

  private async run(
    route: Route,
    encoded: Readonly<Record<string, string>>,
    search: string,
    operator: Operator,
    request: IncomingMessage,
  ): Promise<Answer> {
    const text = route.method === 'GET' ? '' : await readText(request, route.maxBody);
    if (text === null) return failure(413, 'too_large', `a body holds ${route.maxBody} bytes at most`);
    const sent = parseJson(text);
    if (sent === undefined) return failure(400, 'bad_request', 'the body is no JSON', { problems: [] });
    const [params, query, body] = [parseParams(route, encoded), parseQuery(route, search), parse(route.body, sent)];
    if (!params.ok || !query.ok || !body.ok) {
      return badRequest([params, query, body].flatMap((parsed) => (parsed.ok ? [] : parsed.problems)));
    }
    const { operations } = this.deps;
    const by = operator.name;
    const answer = await route.run({ operations, params: params.value, query: query.value, body: body.value, by });
    if (route.action !== null) await this.note(by, route.action, params.value as object, answer);
    return answer;
  }

  /** In the audit trail. */
  private async note(by: string, action: string, params: object, { status, audit }: Answer): Promise<void> {
    const trail = this.deps.operations.audit;
    if (audit !== undefined) await trail.append(by, action, audit);
    // It may have been done, or a part of it. Who asked does not wait: the trail is likely to be away as well.
    else if (status === UNAVAILABLE) void trail.append(by, action, { ...params, outcome: 'unknown' });
  }
}

function wrongMethod(path: string, methods: readonly string[]): Answer {
  const allow = methods.join(', ');
  return failure(405, 'method_not_allowed', `${path} takes ${allow}`, {}, { allow });
}

/** Null when it is too long. */
async function readText(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no JSON; an empty object for nothing. */
function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
