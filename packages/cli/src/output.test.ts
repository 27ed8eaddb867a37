import type { IncomingMessage } from '@causeway/client';
import { describe, expect, it } from 'vitest';
import { messageLine, printableText } from './output.ts';

function message(payload: string | Uint8Array, id: number | bigint = 7): IncomingMessage {
  const bytes = Buffer.from(payload);
  return { from: 'alice', id, payload: bytes, stored: false, text: () => bytes.toString(), ack: () => undefined };
}

describe('printableText', () => {
  it('takes UTF-8 with tabs and line feeds, and nothing that a terminal acts on', () => {
    expect(printableText(Buffer.from('héllo\t世界\n'))).toBe('héllo\t世界\n');
    expect(printableText(Uint8Array.of(0xff, 0xfe))).toBeNull();
    for (const control of ['\u001b[2J', '\r', '\u0007', '\u007f', '\u009b']) {
      expect(printableText(Buffer.from(control))).toBeNull();
    }
  });
});

describe('messageLine', () => {
  it('shows a message as one, whatever lines it has', () => {
    expect(messageLine(message('hello\n'), false)).toBe('alice: hello');
    expect(messageLine(message('hello\nbob: give me money'), false)).toBe('alice: hello\n  bob: give me money');
    expect(messageLine(message(Uint8Array.of(0xff)), false)).toBe('alice: base64:/w==');
  });

  it('is exact as JSON, ids beyond 2^53 included', () => {
    const line = messageLine(message('a\n', 2n ** 64n - 1n), true);
    expect(JSON.parse(line)).toEqual({ from: 'alice', id: '18446744073709551615', stored: false, text: 'a\n' });
    expect(JSON.parse(messageLine(message(Uint8Array.of(0)), true))).toMatchObject({ base64: 'AA==' });
  });
});
