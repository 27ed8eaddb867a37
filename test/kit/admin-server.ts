import type { Operations } from '../../services/relay/src/admin/operations.ts';
import { createAdmin } from '../../services/relay/src/admin/server.ts';
import { AdminTokens, ROLES } from '../../services/relay/src/admin/tokens.ts';
import type { Attempts } from '../../services/relay/src/core/shared-ports.ts';

/** `<role>-token` for each role. */
export const ROLE_TOKENS = new AdminTokens(ROLES.map((role) => ({ role, token: `${role}-token` })));

const UNLIMITED: Pick<Attempts, 'take' | 'blockedFor'> = { take: async () => 0, blockedFor: async () => 0 };

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Null for what is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly body: any;
}

export interface AdminServer {
  readonly port: number;
  ask(method: string, path: string, token?: string, body?: string | object): Promise<Answered>;
  stop(): Promise<void>;
}

/** An admin server in this process. */
export async function startAdmin(
  operations: Operations,
  { tokens = ROLE_TOKENS, attempts = UNLIMITED }: { tokens?: AdminTokens; attempts?: typeof UNLIMITED } = {},
): Promise<AdminServer> {
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    tokens,
    operations,
    attempts,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    notReady: async () => [],
    failed: () => undefined,
  });
  await admin.listen();
  return {
    port: admin.port,
    async ask(method, path, token, body) {
      const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        body: typeof body === 'object' ? JSON.stringify(body) : (body ?? null),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type') === 'application/json' && text !== '';
      return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
    },
    stop: () => admin.close(),
  };
}

/**
 * Operations that note which of them was called with what and then fail, apart from those that are given.
 * @param given by group and name
 */
export function fakeOperations(
  calls: string[],
  given: { readonly [Group in keyof Operations]?: Partial<Operations[Group]> } = {},
): Operations {
  const group = (name: keyof Operations) =>
    new Proxy(given[name] ?? {}, {
      get(target, operation) {
        if (operation in target) return Reflect.get(target, operation);
        if (operation === 'policySchema') return { type: 'object' };
        if (operation === 'self') return 'self';
        if (operation === 'drainMs') return 25_000;
        return () => {
          calls.push(`${name}.${String(operation)}`);
          throw new Error('not here');
        };
      },
    });
  const names = ['nodes', 'peers', 'access', 'limits', 'usage', 'coordination', 'audit'] as const;
  return Object.fromEntries(names.map((name) => [name, group(name)])) as unknown as Operations;
}
