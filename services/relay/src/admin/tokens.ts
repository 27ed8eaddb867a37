import { createHash, timingSafeEqual } from 'node:crypto';

/** What a token allows; each role may do what those before it may. */
export const ROLES = ['read', 'operate', 'admin'] as const;
export type Role = (typeof ROLES)[number];

const SHOWN_OF_DIGEST = 6;

export interface RoleToken {
  readonly role: Role;
  readonly token: string;
}

/** Who asks: what it may do, and by what the audit trail tells one token from another. */
export interface Operator {
  readonly role: Role;
  /** `<role>:<end of the token's digest>`. */
  readonly name: string;
}

export function mayAct(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Knows tokens by their digests, which are of one length and tell nothing of where a wrong token differs. */
export class AdminTokens {
  private readonly known: readonly { readonly role: Role; readonly digest: Buffer }[];

  constructor(tokens: readonly RoleToken[]) {
    this.known = tokens.map(({ role, token }) => ({ role, digest: sha256(token) }));
  }

  get isEmpty(): boolean {
    return this.known.length === 0;
  }

  /** Whose the token of an Authorization header is (RFC 6750, section 2.1); null for none that is known. */
  operator(authorization: string | undefined): Operator | null {
    const [, token] = /^Bearer +([!-~]+) *$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) return null;
    const digest = sha256(token);
    // All are compared, so that the time says nothing about which one fits.
    const fitting = this.known.filter((one) => timingSafeEqual(one.digest, digest));
    const role = ROLES.findLast((name) => fitting.some((one) => one.role === name));
    return role === undefined ? null : { role, name: `${role}:${digest.toString('hex').slice(-SHOWN_OF_DIGEST)}` };
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
