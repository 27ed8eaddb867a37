import { readFileSync } from 'node:fs';

/** The fenced code blocks of a language in a Markdown file. */
export function codeBlocks(file: string, language: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...found].filter(([, name]) => name === language).map(([, , code]) => code ?? '');
}
