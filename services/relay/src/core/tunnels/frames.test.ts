import type { PeerId } from '@causeway/protocol';
import { expect, it } from 'vitest';
import type { PeerKey } from '../address.ts';
import { FieldReader } from '../node-frame-reader.ts';
import { NODE_FRAME_HEADER_BYTES } from '../node-frames.ts';
import { encodeCall, readCall } from './frames.ts';

it.each([0, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER])('a call carries the ref %i, which a client chose', (ref) => {
  const call = {
    kind: 'room',
    ref,
    from: 'alice' as PeerId,
    to: 'default/bob' as PeerKey,
    meta: Buffer.from('meta'),
  } as const;
  const frame = encodeCall(7, call);
  const body = new FieldReader(frame, NODE_FRAME_HEADER_BYTES, frame.length);
  expect(readCall(body)).toEqual({ caller: 7, call });
  expect(body.more).toBe(false);
});
