import type { Room } from '@causeway/client';
import { renderUnicodeCompact } from 'uqr';

export interface CodeOptions {
  readonly json?: boolean;
  readonly qr?: boolean;
}

/** Says what to type at the other end. @param out where the code itself goes */
export async function showCode(
  { code, expiresAt }: Room,
  command: string,
  { json, qr }: CodeOptions,
  out: (line: string) => Promise<void>,
): Promise<void> {
  if (json) return out(JSON.stringify({ type: 'code', code, expiresAt: expiresAt.toISOString() }));
  process.stderr.write(`causeway: on the other machine, run \`${command}\` with this code:\n`);
  await out(code);
  if (qr) process.stderr.write(`${renderUnicodeCompact(code)}\n`);
}
