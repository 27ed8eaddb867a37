import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Parsed } from '../core/live-documents.ts';
import { parseRange } from './address-bits.ts';
import { check, parseDocument, peerId, realmName } from './parse-document.ts';

export const MAX_ENTRIES = 10_000;
/** What so many entries take at most, with their longest names and reasons. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_REASON_LENGTH = 200;
const MAX_TOKEN_LENGTH = 256;

const instant = z.int().min(0);
const common = {
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  reason: z.string().max(MAX_REASON_LENGTH),
  /** Milliseconds since 1970: when it was made, and when it ends by itself; null: never. */
  at: instant,
  until: instant.nullable(),
};
const range = z.string().refine((text) => parseRange(text) !== null, 'is no IP address and no <address>/<bits>');
const token = z.string().min(1).max(MAX_TOKEN_LENGTH);

const ban = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('peer'), realm: realmName, peer: peerId }),
  z.strictObject({ ...common, kind: z.literal('realm'), realm: realmName }),
  z.strictObject({ ...common, kind: z.literal('address'), range }),
]);
const allowed = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('peer'), realm: realmName, peer: peerId }),
  z.strictObject({ ...common, kind: z.literal('address'), realm: realmName, range }),
]);
const revocation = z.discriminatedUnion('kind', [
  /** By the token's `jti`, in one realm or in all. */
  z.strictObject({ ...common, kind: z.literal('token'), token, realm: realmName.optional() }),
  z.strictObject({ ...common, kind: z.literal('peer'), realm: realmName, peer: peerId }),
  z.strictObject({ ...common, kind: z.literal('realm'), realm: realmName }),
]);

const ENTRIES = { bans: ban, allow: allowed, revocations: revocation } as const;
const accessSchema = z
  .strictObject({ bans: z.array(ban), allow: z.array(allowed), revocations: z.array(revocation) })
  .refine((lists) => countOf(lists) <= MAX_ENTRIES, `holds more than ${MAX_ENTRIES} entries`);

export type Ban = z.infer<typeof ban>;
export type Allowed = z.infer<typeof allowed>;
export type Revocation = z.infer<typeof revocation>;
export type AccessList = keyof typeof ENTRIES;

/** Who may not come in, who alone may, and which tokens are void. */
export interface AccessDocument {
  readonly bans: readonly Ban[];
  readonly allow: readonly Allowed[];
  readonly revocations: readonly Revocation[];
}

/** A new entry, as yet unchecked; what it says and for how long. */
export interface Addition {
  readonly kind: string;
  readonly realm?: string | undefined;
  readonly peer?: string | undefined;
  readonly range?: string | undefined;
  readonly token?: string | undefined;
  readonly reason: string;
  readonly until: number | null;
}

export const NO_ACCESS_LISTS: AccessDocument = { bans: [], allow: [], revocations: [] };

export function parseAccess(text: string): Parsed<AccessDocument> {
  return parseDocument(accessSchema, text, MAX_BYTES);
}

/** The document with one entry more, which has this id, and without those that have expired. */
export function addEntry(
  document: AccessDocument,
  list: AccessList,
  addition: Addition,
  now: number,
  id = newEntryId(),
): Parsed<AccessDocument> {
  const entry = check<Ban | Allowed | Revocation>(ENTRIES[list], { ...defined(addition), id, at: now });
  if (!entry.ok) return entry;
  const kept = prune(document, now);
  if (countOf(kept) >= MAX_ENTRIES) {
    return { ok: false, problems: [{ path: '', message: `there are ${MAX_ENTRIES} entries, which is the most` }] };
  }
  return { ok: true, document: { ...kept, [list]: [...kept[list], entry.document] } };
}

/** The document without the entry, and without those that have expired; null: there is no such entry. */
export function removeEntry(
  document: AccessDocument,
  list: AccessList,
  id: string,
  now: number,
): AccessDocument | null {
  const kept = prune(document, now);
  const rest = kept[list].filter((entry) => entry.id !== id);
  return rest.length === kept[list].length ? null : { ...kept, [list]: rest };
}

export function prune({ bans, allow, revocations }: AccessDocument, now: number): AccessDocument {
  const holds = ({ until }: { readonly until: number | null }) => until === null || until > now;
  return { bans: bans.filter(holds), allow: pruneAllowed(allow, holds), revocations: revocations.filter(holds) };
}

/** The last entry of an allow list stays when it has ended, or the realm would be open to all. */
function pruneAllowed(allow: readonly Allowed[], holds: (entry: Allowed) => boolean): readonly Allowed[] {
  const listOf = ({ kind, realm }: Allowed) => `${kind} ${realm}`;
  const held = new Set(allow.filter(holds).map(listOf));
  const last = new Map(allow.map((entry) => [listOf(entry), entry]));
  return allow.filter((entry) => holds(entry) || (!held.has(listOf(entry)) && last.get(listOf(entry)) === entry));
}

export function newEntryId(): string {
  return randomBytes(9).toString('base64url');
}

function countOf({ bans, allow, revocations }: AccessDocument): number {
  return bans.length + allow.length + revocations.length;
}

function defined(addition: Addition): object {
  return Object.fromEntries(Object.entries(addition).filter(([, value]) => value !== undefined));
}
