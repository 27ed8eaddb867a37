import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { readSource } from './source.ts';

/** Code by path from the root of the repository, with `/`. */
export type Files = ReadonlyMap<string, string>;

/** A workspace package, by its name: its folder and what `exports` of its package.json says. */
export interface Workspace {
  readonly folder: string;
  readonly exports: unknown;
}

export type Workspaces = ReadonlyMap<string, Workspace>;

export interface Edge {
  readonly from: string;
  /** Path of a file of ours, `node:<name>` of a built-in, or `npm:<package>`. */
  readonly to: string;
  readonly typeOnly: boolean;
}

export interface Graph {
  readonly edges: readonly Edge[];
  /** Identifiers that a file uses as values. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
}

function packageName(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** The file behind an entry of `exports` under the first condition that it has; null where there is none. */
export function entryFile(
  { folder, exports }: Workspace,
  subpath: string,
  conditions: readonly string[],
): string | null {
  let target: unknown = exports;
  if (typeof exports === 'object' && exports !== null && '.' in exports) {
    target = (exports as Record<string, unknown>)[subpath];
  }
  while (typeof target === 'object' && target !== null) {
    const branches = target as Record<string, unknown>;
    target = branches[conditions.find((condition) => condition in branches) ?? ''];
  }
  return typeof target === 'string' ? posix.join(folder, target) : null;
}

function resolve(from: string, specifier: string, workspaces: Workspaces): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  if (isBuiltin(specifier)) return `node:${specifier.replace(/^node:/, '')}`;
  const name = packageName(specifier);
  const workspace = workspaces.get(name);
  if (workspace === undefined) return `npm:${name}`;
  const entry = entryFile(workspace, `.${specifier.slice(name.length)}`, ['import', 'node', 'default']);
  return entry ?? `${workspace.folder}/package.json`;
}

export function readGraph(files: Files, workspaces: Workspaces): Graph {
  const edges: Edge[] = [];
  const values = new Map<string, ReadonlySet<string>>();
  for (const [path, code] of files) {
    const facts = readSource(path, code);
    values.set(path, facts.values);
    for (const { specifier, typeOnly } of facts.imports) {
      edges.push({ from: path, to: resolve(path, specifier, workspaces), typeOnly });
    }
  }
  return { edges, values };
}

function adjacency(edges: readonly Edge[]): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  return next;
}

/** A way from the entry to each thing it reaches at run time, by what is reached. */
export function reachable(graph: Graph, entry: string): Map<string, string[]> {
  const next = adjacency(graph.edges.filter(({ typeOnly }) => !typeOnly));
  const ways = new Map([[entry, [entry]]]);
  for (const [at, way] of ways) {
    for (const to of next.get(at) ?? []) if (!ways.has(to)) ways.set(to, [...way, to]);
  }
  return ways;
}

/** Import cycles, types included, one for each import that closes one: `[a, b, a]`. */
export function findCycles(graph: Graph): string[][] {
  const next = adjacency(graph.edges);
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (at: string): void => {
    if (way.includes(at)) cycles.push([...way.slice(way.indexOf(at)), at]);
    if (done.has(at)) return;
    done.add(at);
    way.push(at);
    for (const to of next.get(at) ?? []) visit(to);
    way.pop();
  };
  for (const start of next.keys()) visit(start);
  return cycles;
}
