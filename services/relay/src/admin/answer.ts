/** What an HTTP request is answered. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What was changed, for the audit trail; absent when nothing was. */
  readonly audit?: object;
  /** Called once the answer is out, or its reader gone. */
  readonly afterwards?: () => void;
}

export function json(
  status: number,
  body: object,
  rest: Pick<Answer, 'headers' | 'afterwards' | 'audit'> = {},
): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(body)}\n`, ...rest };
}

/**
 * An error: a sentence for people, and a code for programs.
 * @param details further members of the answer
 */
export function failure(
  status: number,
  code: string,
  error: string,
  details: object = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return json(status, { error, code, ...details }, { headers });
}

export function notFound(what: string, details: object = {}): Answer {
  return failure(404, 'not_found', what, details);
}

/** Status of `unavailable`. */
export const UNAVAILABLE = 503;

/** The store, or another node, did not answer. */
export function unavailable({ reason }: { readonly reason: string }): Answer {
  return failure(
    UNAVAILABLE,
    'unavailable',
    `not done, or not known whether it was: ${reason}`,
    {},
    { 'retry-after': '1' },
  );
}

/** The document has been changed since. @param version the present one */
export function conflict(version: number): Answer {
  return failure(409, 'conflict', `it has been changed meanwhile: version ${version} is the present one`, { version });
}
