import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { describeProblems } from '../core/live-documents.ts';
import { parsePolicy } from './policy-schema.ts';

/** The path of a file with a policy document, read as its text; for a variable of the configuration. */
export const policyFile = z
  .string()
  .transform((path, context) => {
    try {
      const text = readFileSync(path, 'utf8');
      const parsed = parsePolicy(text);
      if (parsed.ok) return text;
      for (const message of describeProblems(parsed.problems)) context.addIssue({ code: 'custom', message });
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    }
    return z.NEVER;
  })
  .describe('the path of a readable JSON file with a [policy](limits.md)');
