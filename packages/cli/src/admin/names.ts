import { wrong } from '../units.ts';

const REALM = /^[a-z0-9._-]{1,64}$/;

export interface PeerName {
  readonly realm: string;
  readonly peer: string;
}

/** What a ban, an allow list or a revocation is about; or a scope of limits. */
export type Target =
  | ({ readonly kind: 'peer' } & PeerName)
  | { readonly kind: 'realm'; readonly realm: string }
  | { readonly kind: 'address'; readonly range: string }
  | { readonly kind: 'token'; readonly token: string };

export type Scope =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'defaults' }
  | Extract<Target, { readonly kind: 'peer' | 'realm' }>;

/** `<realm>/<peer>`; a peer id may have slashes of its own. */
export function parsePeer(text: string): PeerName {
  const slash = text.indexOf('/');
  const realm = text.slice(0, Math.max(slash, 0));
  const peer = text.slice(slash + 1);
  if (!REALM.test(realm) || peer === '') throw wrong(text, 'no <realm>/<peer>, such as acme/alice');
  return { realm, peer };
}

export function parseRealm(text: string): string {
  if (REALM.test(text)) return text;
  throw wrong(text, 'no realm: 1 to 64 of a-z 0-9 . _ -');
}

/** `peer:<realm>/<peer>`, `realm:<realm>`, `address:<range>` or `token:<id>`, of the kinds that are allowed here. */
export function parseTarget<Kind extends Target['kind']>(
  text: string,
  kinds: readonly Kind[],
): Extract<Target, { kind: Kind }> {
  const colon = text.indexOf(':');
  const kind = kinds.find((one) => one === text.slice(0, Math.max(colon, 0)));
  const rest = text.slice(colon + 1);
  if (kind === undefined || rest === '') {
    throw wrong(text, `none of ${kinds.map((one) => FORMS[one]).join(', ')}`);
  }
  return toTarget(kind, rest) as Extract<Target, { kind: Kind }>;
}

const FORMS: Readonly<Record<Target['kind'], string>> = {
  peer: 'peer:<realm>/<peer>',
  realm: 'realm:<realm>',
  address: 'address:<address or range>',
  token: 'token:<jti>',
};

function toTarget(kind: Target['kind'], rest: string): Target {
  switch (kind) {
    case 'peer':
      return { kind, ...parsePeer(rest) };
    case 'realm':
      return { kind, realm: parseRealm(rest) };
    case 'address':
      return { kind, range: rest };
    case 'token':
      return { kind, token: rest };
  }
}

export function parseScope(text: string): Scope {
  if (text === 'cluster' || text === 'defaults') return { kind: text };
  if (/^(peer|realm):/.test(text)) return parseTarget(text, ['peer', 'realm']);
  throw wrong(text, 'no scope: write cluster, defaults, realm:<realm> or peer:<realm>/<peer>');
}

export function scopeName(scope: Scope): string {
  switch (scope.kind) {
    case 'peer':
      return `peer:${scope.realm}/${scope.peer}`;
    case 'realm':
      return `realm:${scope.realm}`;
    default:
      return scope.kind;
  }
}
