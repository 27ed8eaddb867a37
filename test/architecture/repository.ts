import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Files, Workspace, Workspaces } from './graph.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Record<string, unknown>;
}

/** What ships: the sources of packages and services without the tests beside them, which may use whatever they like. */
export function readFiles(): Files {
  const paths = globSync('{packages,services}/*/src/**/*.ts', { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'));
  const shipped = paths.filter((path) => !path.endsWith('.test.ts')).sort();
  return new Map(shipped.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

export function readWorkspaces(): Workspaces {
  const folders = globSync('{packages,services}/*', { cwd: ROOT }).map((path) => path.replaceAll('\\', '/'));
  const packages = folders.filter((folder) => existsSync(join(ROOT, folder, 'package.json')));
  return new Map(
    packages.sort().map((folder): [string, Workspace] => {
      const { name, exports } = readJson(`${folder}/package.json`);
      return [name as string, { folder, exports }];
    }),
  );
}
