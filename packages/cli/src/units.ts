import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DURATIONS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };
const PERIODS: Readonly<Record<string, number>> = { s: 1, min: 60, m: 60, h: 3600 };

/** Decimal and binary, as in IEC 80000-13. */
const BYTE_UNITS: ReadonlyMap<string, number> = new Map([
  ['TiB', 1024 ** 4],
  ['TB', 1000 ** 4],
  ['GiB', 1024 ** 3],
  ['GB', 1000 ** 3],
  ['MiB', 1024 ** 2],
  ['MB', 1000 ** 2],
  ['KiB', 1024],
  ['KB', 1000],
  ['B', 1],
]);

export type Unit = 'messages' | 'bytes';

/** @throws Failure for wrong usage: what was written, and what is needed */
export function wrong(text: string, needed: string): Failure {
  return new Failure(ExitCode.usage, `${JSON.stringify(text)} is ${needed}`);
}

/** Milliseconds of `90s`, `15m`, `2h`, `1d12h`. */
export function parseDuration(text: string): number {
  const isDuration = /^(?:\d+(?:\.\d+)?(?:s|min|m|h|d|w))+$/.test(text);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(min|[smhdw])/g)];
  const total = parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (DURATIONS[unit] ?? 0), 0);
  if (!isDuration || total <= 0) throw wrong(text, 'no duration: write 90s, 15m, 2h, 7d or 1d12h');
  return Math.round(total);
}

/** Whole bytes of `500`, `64KiB`, `1.5GB`. */
export function parseBytes(text: string): number {
  const [, amount, name = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?i?b)?$/i.exec(text) ?? [];
  const unit = name === '' ? 1 : [...BYTE_UNITS].find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  const bytes = Math.round(Number(amount) * (unit ?? Number.NaN));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw wrong(text, 'no number of bytes: write 500, 64KiB, 20MB or 1.5GiB');
}

export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw wrong(text, 'no whole number');
}

/** In a second, of `50/s`, `300/min`, `1000/h`, `20MB/s`; without a period it is in a second already. */
export function parseRate(text: string, unit: Unit): number {
  const [, amount = '', period = 's'] = /^(.+?)(?:\/(s|min|m|h))?$/.exec(text) ?? [];
  const seconds = PERIODS[period] ?? 1;
  if (unit === 'bytes') return parseBytes(amount) / seconds;
  if (/^\d+(?:\.\d+)?$/.test(amount)) return Number(amount) / seconds;
  throw wrong(text, 'no rate of messages: write 50/s, 300/min or 1000/h');
}

/** The shortest way to write it that `parseBytes` reads as the same number. */
export function exactBytes(bytes: number): string {
  const ways = [...BYTE_UNITS].map(([name, unit]) => `${bytes / unit}${name}`);
  const exact = ways.filter((way) => /^\d+(?:\.\d{1,3})?[KMGT]?i?B$/.test(way) && parseBytes(way) === bytes);
  return exact.sort((a, b) => a.length - b.length)[0] ?? `${bytes}B`;
}

/** As `parseRate` reads it. */
export function exactRate(perSecond: number, unit: Unit): string {
  const amount = (value: number): string => (unit === 'bytes' ? exactBytes(value) : String(value));
  for (const period of ['s', 'min', 'h'] as const) {
    const whole = Math.round(perSecond * (PERIODS[period] ?? 1));
    if (whole / (PERIODS[period] ?? 1) === perSecond) return `${amount(whole)}/${period}`;
  }
  return `${amount(perSecond)}/s`;
}

/** Three digits, to be read at a glance: `1.53 MB`. */
export function roughBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let rest = bytes;
  let index = 0;
  for (; rest >= 999.5 && index < units.length - 1; index++) rest /= 1000;
  return `${roughNumber(rest)} ${units[index]}`;
}

/** Three digits where it is small: `0.25`, `12.5`, `5000`. */
export function roughNumber(value: number): string {
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** The two largest units: `2 d 5 h`, `45 s`. */
export function roughDuration(milliseconds: number): string {
  let rest = Math.round(milliseconds / SECOND) * SECOND;
  const parts: string[] = [];
  for (const [name, unit] of [
    ['d', DAY],
    ['h', HOUR],
    ['min', MINUTE],
    ['s', SECOND],
  ] as const) {
    const amount = Math.floor(rest / unit);
    if (amount === 0 && parts.length > 0) break;
    if (amount > 0) parts.push(`${amount} ${name}`);
    rest -= amount * unit;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** `2026-01-31T12:00:00Z (5 min ago)`. */
export function time(at: number, now = Date.now()): string {
  return `${absolute(at)} (${relative(at, now)})`;
}

/** To the second, in UTC. */
export function absolute(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function relative(at: number, now = Date.now()): string {
  return at > now ? `in ${roughDuration(at - now)}` : `${roughDuration(now - at)} ago`;
}
