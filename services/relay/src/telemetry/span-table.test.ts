import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderSpanRows } from './span-table.ts';

test('docs/tracing.md has the table of spans', () => {
  expect(readFileSync(new URL('../../../../docs/tracing.md', import.meta.url), 'utf8')).toContain(renderSpanRows());
});
