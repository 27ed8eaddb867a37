import { cpSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Pattern {
  readonly text: string;
  readonly includes: boolean;
  readonly path: RegExp;
}

/** The patterns of a .dockerignore (docs.docker.com/build/concepts/context/#dockerignore-files). */
function parsePatterns(text: string): Pattern[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const includes = line.startsWith('!');
    const pattern = includes ? line.slice(1) : line;
    const source = pattern
      .split(/(\*\*\/|\*)/)
      .map((part) => ({ '**/': '(?:.*/)?', '*': '[^/]*' })[part] ?? part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('');
    return { text: pattern, includes, path: new RegExp(`^${source}(?:/.*)?$`) };
  });
}

/** Copies what a build gets to see of a folder: for each path the last pattern decides that matches it or a parent. */
export function copyContext(from: string, to: string): void {
  const patterns = parsePatterns(readFileSync(join(from, '.dockerignore'), 'utf8'));
  const isIn = (path: string): boolean => patterns.findLast((pattern) => pattern.path.test(path))?.includes ?? true;
  const leadsToOne = (path: string): boolean =>
    patterns.some(({ includes, text }) => includes && text.startsWith(`${path}/`));
  const filter = (source: string): boolean => {
    const path = relative(from, source);
    return path === '' || isIn(path) || leadsToOne(path);
  };
  cpSync(from, to, { recursive: true, filter });
}
