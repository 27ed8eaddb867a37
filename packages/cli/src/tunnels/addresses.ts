import { Failure } from '../failure.ts';
import { wrong } from '../units.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What `--to` forwards: a local port, and the target as the accepting side sees it. */
export interface Forward {
  readonly listen: Address;
  readonly target: Address;
}

const LOOPBACK = '127.0.0.1';
/** An IPv6 address stands in brackets. */
const PART = /\[([0-9a-fA-F:.]+)\]|[^:[\]]+/y;
const MAX_PORT = 65_535;

/** `localhost:80` or `[::1]:80`. @throws Failure */
export function parseAddress(text: string): Address {
  const parts = split(text);
  const [host = '', port = ''] = parts;
  if (parts.length === 2) return { host, port: parsePort(port, 1) };
  throw wrong(text, 'no address: write localhost:80 or [::1]:80');
}

/** `8080:localhost:80`, or with the address to listen on before it. Port 0 takes any that is free. @throws Failure */
export function parseForward(text: string): Forward {
  const parts = split(text);
  const [port = '', targetHost = '', targetPort = ''] = parts.slice(-3);
  if (parts.length !== 3 && parts.length !== 4) {
    throw wrong(text, 'no forward: write 8080:localhost:80 or 0.0.0.0:8080:localhost:80');
  }
  return {
    listen: { host: parts.length === 4 ? (parts[0] ?? '') : LOOPBACK, port: parsePort(port, 0) },
    target: { host: targetHost, port: parsePort(targetPort, 1) },
  };
}

/** The one way to write it, by which targets are compared. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host.toLowerCase()}:${port}`;
}

/** The parts between colons; none for what is no such list. */
function split(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; ; at += 1) {
    PART.lastIndex = at;
    const found = PART.exec(text);
    if (found === null) return [];
    parts.push(found[1] ?? found[0]);
    at = PART.lastIndex;
    if (at === text.length) return parts;
    if (text[at] !== ':') return [];
  }
}

function parsePort(text: string, min: number): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= min && port <= MAX_PORT) return port;
  throw wrong(text, `no port: ${min} to ${MAX_PORT}`);
}

/** @returns null for what is none */
export function tryAddress(text: string): Address | null {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}
