import { describe, expect, it } from 'vitest';
import {
  exactBytes,
  exactRate,
  parseBytes,
  parseCount,
  parseDuration,
  parseRate,
  roughBytes,
  roughDuration,
  roughNumber,
  time,
} from './units.ts';

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['15min', 900_000],
    ['2h', 7_200_000],
    ['1.5h', 5_400_000],
    ['1d12h', 129_600_000],
    ['2w', 1_209_600_000],
  ])('%s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  it.each(['', '5', 'h', '0s', '-1h', '1h 2m', '2x', '1hour'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(`${JSON.stringify(text)} is no duration`);
  });
});

describe('parseBytes', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['500B', 500],
    ['20MB', 20_000_000],
    ['20mb', 20_000_000],
    ['64KiB', 65_536],
    ['1.5 GiB', 1_610_612_736],
    ['0.1KB', 100],
    ['1.1MB', 1_100_000],
  ])('%s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', 'MB', '-1', '1e3', '5 M', '1,5MB', '20MBs', '99999TiB'])('refuses %j', (text) => {
    expect(() => parseBytes(text)).toThrow(`${JSON.stringify(text)} is no number of bytes`);
  });
});

describe('parseRate', () => {
  it.each([
    ['50/s', 'messages', 50],
    ['50', 'messages', 50],
    ['0.5/s', 'messages', 0.5],
    ['300/min', 'messages', 5],
    ['1800/h', 'messages', 0.5],
    ['20MB/s', 'bytes', 20_000_000],
    ['60KiB/m', 'bytes', 1024],
  ] as const)('%s', (text, unit, perSecond) => expect(parseRate(text, unit)).toBe(perSecond));

  it.each([
    ['5MB/s', 'messages'],
    ['/s', 'messages'],
    ['5/d', 'messages'],
    ['-5/s', 'messages'],
    ['fast/s', 'bytes'],
  ] as const)('refuses %j', (text, unit) => expect(() => parseRate(text, unit)).toThrow(' is no '));
});

it('parseCount takes whole numbers only', () => {
  expect(parseCount('1000')).toBe(1000);
  for (const text of ['', '1.5', '-1', '1e3', '9'.repeat(20)])
    expect(() => parseCount(text)).toThrow('no whole number');
});

describe('exact numbers', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [20_000_000, '20MB'],
    [1_048_576, '1MiB'],
    [1_610_612_736, '1.5GiB'],
    [1_234_567, '1234567B'],
  ])('%i is %s', (bytes, text) => {
    expect(exactBytes(bytes)).toBe(text);
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    [5000, 'messages', '5000/s'],
    [0.1, 'messages', '6/min'],
    [100 / 3600, 'messages', '100/h'],
    [0.123456, 'messages', '0.123456/s'],
    [20_000_000, 'bytes', '20MB/s'],
    [1000 / 60, 'bytes', '1KB/min'],
  ] as const)('%d is written so that it is read again: %s', (perSecond, unit, text) => {
    expect(exactRate(perSecond, unit)).toBe(text);
    expect(parseRate(text, unit)).toBe(perSecond);
  });
});

describe('numbers to be read at a glance', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [999.9, '1 KB'],
    [1_534_000, '1.53 MB'],
    [999_999, '1 MB'],
    [2e18, '2000 PB'],
  ])('%d bytes are %s', (bytes, text) => expect(roughBytes(bytes)).toBe(text));

  it.each([
    [0, '0'],
    [0.2512, '0.251'],
    [12.34, '12.3'],
    [5234.4, '5234'],
  ])('%d is %s', (value, text) => expect(roughNumber(value)).toBe(text));

  it.each([
    [0, '0 s'],
    [499, '0 s'],
    [59_600, '1 min'],
    [3_661_000, '1 h 1 min'],
    [3_605_000, '1 h'],
    [2 * 86_400_000 + 5 * 3_600_000 + 1000, '2 d 5 h'],
  ])('%i ms are %s', (milliseconds, text) => expect(roughDuration(milliseconds)).toBe(text));

  it('says when, and how long ago or ahead that is', () => {
    const now = Date.UTC(2026, 0, 31, 12, 0, 0, 123);
    expect(time(now - 300_000, now)).toBe('2026-01-31T11:55:00Z (5 min ago)');
    expect(time(now + 90_000, now)).toBe('2026-01-31T12:01:30Z (in 1 min 30 s)');
  });
});
