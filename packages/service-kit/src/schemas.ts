import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Schemas for the text of an environment variable. The description of each says what is allowed. */
type TextSchema<T> = z.ZodType<T, string>;

/** A whole number in decimal digits, within bounds. */
export function integer(min: number, max: number): TextSchema<number> {
  return z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
    .describe(`an integer from ${min} to ${max}`);
}

export function oneOf<const T extends readonly [string, ...string[]]>(values: T): TextSchema<T[number]> {
  return z.enum(values).describe(values.join(', ')) as unknown as TextSchema<T[number]>;
}

/** Text of a form. */
export function text(pattern: RegExp, allowed: string): TextSchema<string> {
  return z.string().regex(pattern).describe(allowed);
}

/** The empty text is null, anything else is read by `schema`. */
export function optional<T>(schema: TextSchema<T>): TextSchema<T | null> {
  return z.union([z.literal('').transform(() => null), schema]).describe(`empty or ${schema.description ?? ''}`);
}

/** Items between commas; blanks around them and empty ones do not count. */
export function list<T>(item: TextSchema<T>): TextSchema<T[]> {
  return z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(item))
    .describe(`empty or a comma-separated list, each ${item.description ?? ''}`);
}

/** Path of a file that holds a secret; read as the file's content without the line end. */
export function secretFile(): TextSchema<string> {
  return z
    .string()
    .transform((path, context) => {
      try {
        const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
        if (secret !== '') return secret;
        context.addIssue({ code: 'custom', message: 'the file is empty' });
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      }
      return z.NEVER;
    })
    .describe('the path of a readable file');
}
