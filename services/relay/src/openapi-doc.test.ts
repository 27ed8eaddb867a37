import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderOpenApi } from './openapi-doc.ts';

test('docs/openapi.json is what the routes say today', () => {
  expect(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')).toBe(renderOpenApi());
});
