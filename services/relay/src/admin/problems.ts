import type { z } from 'zod';
import type { Problem } from '../core/live-documents.ts';
import { type Answer, failure } from './answer.ts';

/** What a schema found, one problem for each field. */
export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ path: dotted(issue.path), message: issue.message }];
    return issue.keys.map((key) => ({ path: dotted([...issue.path, key]), message: 'there is no such field' }));
  });
}

export function badRequest(problems: readonly Problem[]): Answer {
  const sentences = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return failure(400, 'bad_request', `the request is not as it should be: ${sentences.join('; ')}`, { problems });
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}
