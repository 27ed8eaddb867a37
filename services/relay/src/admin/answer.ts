/** What an HTTP request is answered. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called once the answer is out, or its reader gone. */
  readonly afterwards?: () => void;
}

export function json(status: number, body: object, rest: Pick<Answer, 'headers' | 'afterwards'> = {}): Answer {
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
