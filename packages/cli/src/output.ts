import type { IncomingMessage } from '@causeway/client';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/**
 * Resolves when the text is on its way, so that a message is acknowledged only after it was written.
 * @throws Failure when it cannot be written: the disk is full, or the other end of the pipe has gone
 */
export function print(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(new Failure(ExitCode.output, `the output could not be written: ${error.message}`));
    // The error comes as an event, too, behind the callback: unheard, it would end the process with a stack trace.
    process.stdout.once('error', fail);
    process.stdout.write(`${line}\n`, (error) => {
      if (error) return fail(error);
      process.stdout.off('error', fail);
      resolve();
    });
  });
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// Anything a terminal could act on, other than tab and line feed.
const CONTROL = /(?![\t\n])\p{Cc}/u;

/** The payload as text, or null when it is none or could play tricks on a terminal. */
export function printableText(payload: Uint8Array): string | null {
  try {
    const text = strict.decode(payload);
    return CONTROL.test(text) ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * One message for a person or, as JSON, for a program. Further lines of a text are indented: a message must not look
 * like two, the second from someone else.
 */
export function messageLine(message: IncomingMessage, json: boolean): string {
  const text = printableText(message.payload);
  const base64 = (): string => Buffer.from(message.payload).toString('base64');
  if (!json) {
    const shown = text === null ? `base64:${base64()}` : text.replace(/\n$/, '').replaceAll('\n', '\n  ');
    return `${message.from}: ${shown}`;
  }
  const { from, id, stored } = message;
  // An id may be beyond what a JSON number holds exactly.
  const head = { from, id: String(id), stored };
  return JSON.stringify(text === null ? { ...head, base64: base64() } : { ...head, text });
}
