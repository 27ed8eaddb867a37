import { sleep } from 'k6';
import http from 'k6/http';
import { REALM, textOf } from './env.ts';

/** The policy that was in force before. */
export interface Saved {
  readonly policy: Policy;
}

interface Policy {
  readonly realms?: Readonly<Record<string, object>>;
}

interface Answer {
  readonly version: number;
  readonly policy: Policy;
}

const ADMIN_URL = textOf('ADMIN_URL', '');
const HEADERS = { Authorization: `Bearer ${textOf('ADMIN_TOKEN', '')}`, 'Content-Type': 'application/json' };
/** A change is in force on all nodes within a second. */
const IN_FORCE_SECONDS = 2;

function read(): Answer {
  const { status, body } = http.get(`${ADMIN_URL}/admin/limits`, { headers: HEADERS });
  if (status !== 200) throw new Error(`the limits cannot be read: ${status} ${body}`);
  return JSON.parse(String(body)) as Answer;
}

function write(policy: Policy): void {
  const question = JSON.stringify({ version: read().version, policy, note: 'load test' });
  const { status, body } = http.put(`${ADMIN_URL}/admin/limits`, question, { headers: HEADERS });
  if (status !== 200) throw new Error(`the limits cannot be written: ${status} ${body}`);
  sleep(IN_FORCE_SECONDS);
}

/** Limits every peer of the realm. @returns null where no admin API is named: then the limit has to be there already */
export function limitPeers(perSecond: number): Saved | null {
  if (ADMIN_URL === '') return null;
  const { policy } = read();
  const limited = { peer: { messages: { perSecond, burst: perSecond } } };
  write({ ...policy, realms: { ...policy.realms, [REALM]: { ...policy.realms?.[REALM], ...limited } } });
  return { policy };
}

export function restore({ policy }: Saved): void {
  write(policy);
}
