import type { Relay } from '../kit/relay.ts';

/** One token of each role, for CAUSEWAY_ADMIN_TOKENS. */
export const ADMIN_TOKENS = 'read:look,operate:act,admin:all';

export interface AdminAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Asks a relay's admin API. */
export async function askAdmin(
  { adminUrl }: Relay,
  method: 'GET' | 'POST',
  path: string,
  { token = 'act', body }: { readonly token?: string; readonly body?: object } = {},
): Promise<AdminAnswer> {
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
