import { exactBytes, exactRate, parseBytes, parseCount, parseRate, type Unit, wrong } from '../units.ts';
import type { Scope } from './names.ts';
import { AUTH_POLICIES, CAPS, type Limits, type PolicyDocument, type RealmPolicy } from './policy.ts';

/** One change of a scope. Null lifts the limit, undefined takes it out of the document. */
export type Assignment =
  | {
      readonly kind: 'rate';
      readonly key: string;
      /** Of the peers of a scope together, or of each. */
      readonly level: 'all' | 'each';
      readonly unit: Unit;
      readonly field: 'perSecond' | 'burst';
      readonly value: number | null | undefined;
    }
  | { readonly kind: 'cap'; readonly key: string; readonly cap: string; readonly value: number | null | undefined }
  | { readonly kind: 'auth'; readonly key: string; readonly value: string | undefined };

const isOfRealm = (scope: Scope): boolean => scope.kind === 'realm' || scope.kind === 'defaults';

/** `key=value`, where `none` lifts and `unset` removes. */
export function parseAssignment(text: string, scope: Scope): Assignment {
  const equals = text.indexOf('=');
  if (equals <= 0) throw wrong(text, 'no key=value, such as messages=50/s');
  return assign(text.slice(0, equals), text.slice(equals + 1), scope);
}

/** The change that takes a key out. */
export function parseRemoval(key: string, scope: Scope): Assignment {
  return assign(key, 'unset', scope);
}

function assign(key: string, text: string, scope: Scope): Assignment {
  const [, each, unit, burst] = /^(peer\.)?(messages|bytes)(-burst)?$/.exec(key) ?? [];
  if (unit !== undefined && (each === undefined || isOfRealm(scope))) {
    const value = burst === undefined ? rate(text, unit as Unit) : size(text, unit as Unit);
    const field = burst === undefined ? 'perSecond' : 'burst';
    return { kind: 'rate', key, level: each === undefined ? 'all' : 'each', unit: unit as Unit, field, value };
  }
  const cap = CAPS.get(key);
  if (cap !== undefined && isOfRealm(scope)) return { kind: 'cap', key, cap, value: capOf(text, cap) };
  if (key === 'auth' && isOfRealm(scope)) return { kind: 'auth', key, value: auth(text) };
  throw wrong(key, `no key of ${scope.kind === 'peer' ? 'a peer' : scope.kind}: ${keysOf(scope).join(', ')}`);
}

function keysOf(scope: Scope): string[] {
  const rates = ['messages', 'messages-burst', 'bytes', 'bytes-burst'];
  return isOfRealm(scope) ? [...rates, ...rates.map((key) => `peer.${key}`), ...CAPS.keys(), 'auth'] : rates;
}

const rate = (text: string, unit: Unit): number | null | undefined => optional(text, (given) => parseRate(given, unit));

function size(text: string, unit: Unit): number | undefined {
  if (text === 'none') throw wrong(text, 'no burst: lift the rate itself, or write unset for what a second brings');
  return optional(text, unit === 'bytes' ? parseBytes : parseCount) ?? undefined;
}

function capOf(text: string, cap: string): number | null | undefined {
  return optional(text, cap === 'mailboxBytes' ? parseBytes : parseCount);
}

function auth(text: string): string | undefined {
  if (text === 'unset') return undefined;
  if (AUTH_POLICIES.includes(text)) return text;
  throw wrong(text, `none of ${AUTH_POLICIES.join(', ')}, unset`);
}

function optional(text: string, parse: (text: string) => number): number | null | undefined {
  if (text === 'unset') return undefined;
  return text === 'none' ? null : parse(text);
}

/** What a document sets: the keys of each scope with their values, as `parseScope` and `parseAssignment` read them. */
export function assignmentsOf({ cluster, defaults, realms, peers }: PolicyDocument): Map<string, Map<string, string>> {
  const scopes: [string, [string, string][]][] = [
    ['cluster', ofLimits(cluster, '')],
    ['defaults', ofRealm(defaults)],
    ...sorted(realms).map(([realm, policy]): [string, [string, string][]] => [`realm:${realm}`, ofRealm(policy)]),
    ...sorted(peers).map(([peer, limits]): [string, [string, string][]] => [`peer:${peer}`, ofLimits(limits, '')]),
  ];
  return new Map(scopes.filter(([, keys]) => keys.length > 0).map(([scope, keys]) => [scope, new Map(keys)]));
}

function sorted<T>(table: Readonly<Record<string, T>> = {}): [string, T][] {
  return Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
}

function ofLimits(limits: Limits | undefined, prefix: string): [string, string][] {
  return (['messages', 'bytes'] as const).flatMap((unit): [string, string][] => {
    const one = limits?.[unit];
    if (one === undefined) return [];
    if (one === null) return [[`${prefix}${unit}`, 'none']];
    const { perSecond, burst } = one;
    const amount = unit === 'bytes' ? exactBytes : String;
    const keys: [string, string][] = [[`${prefix}${unit}`, exactRate(perSecond, unit)]];
    return burst === undefined ? keys : [...keys, [`${prefix}${unit}-burst`, amount(burst)]];
  });
}

function ofRealm({ realm, peer, caps = {}, auth: policy }: RealmPolicy = {}): [string, string][] {
  const capped = [...CAPS].flatMap(([key, cap]): [string, string][] => {
    const value = caps[cap];
    return value === undefined ? [] : [[key, capText(cap, value)]];
  });
  const authKeys: [string, string][] = policy === undefined ? [] : [['auth', policy]];
  return [...ofLimits(realm, ''), ...ofLimits(peer, 'peer.'), ...capped, ...authKeys];
}

export function capText(cap: string, value: number | null): string {
  if (value === null) return 'none';
  return cap === 'mailboxBytes' ? exactBytes(value) : String(value);
}
