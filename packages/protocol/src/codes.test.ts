import { expect, test } from 'vitest';
import {
  CloseCode,
  ErrorCode,
  FIRST_EXTENSION_TYPE,
  FRAME_TYPE_NAMES,
  FrameType,
  isErrorCodeName,
  isFrameTypeName,
  isReceiptStatusName,
  isTemporary,
  ReceiptStatus,
  receiptStatusName,
} from './index.ts';

test('no number has two meanings, and none is in the extension range', () => {
  for (const table of [FrameType, ReceiptStatus, CloseCode]) {
    const numbers = Object.values(table);
    expect(new Set(numbers).size).toBe(numbers.length);
  }
  expect(Math.max(...Object.values(FrameType))).toBeLessThan(FIRST_EXTENSION_TYPE);
});

test('statuses are found by their number', () => {
  for (const [name, code] of Object.entries(ReceiptStatus)) expect(receiptStatusName(code)).toBe(name);
  expect(receiptStatusName(0)).toBeUndefined();
  expect(receiptStatusName(24)).toBeUndefined();
});

test('rate_limited, overloaded and unavailable are temporary, nothing else', () => {
  const temporary = Array.from({ length: 256 }, (_, code) => code).filter(isTemporary);
  expect(temporary.map(receiptStatusName)).toEqual(['rate_limited', 'overloaded', 'unavailable']);
});

test('a client comes back by itself after 40xx and never after 44xx', () => {
  for (const [code, { close, retry }] of Object.entries(ErrorCode)) {
    expect([code, retry]).toEqual([code, close !== null && close < 4400]);
    if (close !== null) expect(Object.values(CloseCode)).toContain(close);
  }
});

test('names of Object.prototype are no names', () => {
  for (const isName of [isFrameTypeName, isReceiptStatusName, isErrorCodeName]) {
    for (const name of ['toString', '__proto__', 'constructor', '']) expect(isName(name)).toBe(false);
  }
  expect(FRAME_TYPE_NAMES.every(isFrameTypeName)).toBe(true);
});
