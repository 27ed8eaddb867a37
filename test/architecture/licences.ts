/** A package-lock.json, version 3, as far as it is needed here. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

export interface LockEntry {
  readonly license?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Licences that ask for no more than their notice: the project is Apache-2.0, and what it ships with must allow that. */
export const ALLOWED: ReadonlySet<string> = new Set([
  ...[
    'MIT',
    'MIT-0',
    'ISC',
    '0BSD',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    'BlueOak-1.0.0',
    'Zlib',
    'Unlicense',
    'CC0-1.0',
  ],
]);

/** SPDX expressions of OR and AND without nesting, which is all that the registry's packages use. */
export function isAllowed(expression: string | undefined): boolean {
  if (expression === undefined) return false;
  const alternatives = expression.replace(/[()]/g, '').split(' OR ');
  return alternatives.some((alternative) => alternative.split(' AND ').every((licence) => ALLOWED.has(licence.trim())));
}

/** Where Node finds a package from a folder: the nearest node_modules upwards that has it. */
function locate({ packages }: LockFile, from: string, name: string): string | null {
  const parts = from === '' ? [] : from.split('/');
  for (let depth = parts.length; depth >= 0; depth--) {
    if (parts[depth - 1] === 'node_modules') continue;
    const candidate = [...parts.slice(0, depth), 'node_modules', name].join('/');
    const entry = packages[candidate];
    if (entry?.link) return entry.resolved ?? null;
    if (entry !== undefined) return candidate;
  }
  return null;
}

/** What the given workspaces need to run, themselves left out, as keys of the lock file's `packages`. */
export function productionClosure(lock: LockFile, workspaces: readonly string[]): string[] {
  const seen = new Set(workspaces);
  for (const at of seen) {
    const { dependencies, optionalDependencies, peerDependencies } = lock.packages[at] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = locate(lock, at, name);
      if (found !== null) seen.add(found);
    }
  }
  return [...seen].filter((key) => key.includes('node_modules/')).sort();
}
