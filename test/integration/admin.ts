import type { Relay } from '../kit/relay.ts';
import { mustBeDescribed } from './admin-description.ts';

/** One token of each role, for CAUSEWAY_ADMIN_TOKENS. */
export const ADMIN_TOKENS = 'read:look,operate:act,admin:all';

export interface AdminAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly body: any;
}

export interface AdminQuestion {
  readonly token?: string;
  readonly body?: object;
}

/** Asks a relay's admin API. An answer that is not as its description says is an error. */
export async function askAdmin(
  { adminUrl }: Pick<Relay, 'adminUrl'>,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { token = 'act', body }: AdminQuestion = {},
): Promise<AdminAnswer> {
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const mediaType = response.headers.get('content-type') ?? '';
  const answer = mediaType === 'application/json' ? await response.json() : await response.text();
  mustBeDescribed(method, path, response.status, mediaType, answer);
  return { status: response.status, body: answer };
}

/** The path of a peer of the realm `default`, or what is below it. */
export function peerPath(peer: string, below = '', realm = 'default'): string {
  return `/admin/peers/${realm}/${encodeURIComponent(peer)}${below}`;
}
