import { pairs, visible } from '../table.ts';
import { time } from '../units.ts';
import { type AdminOptions, openAdmin, segment, show } from './client.ts';
import { parsePeer } from './names.ts';

interface ReservationBody {
  readonly holder: string;
  readonly epoch: number;
  readonly expiresAt: number;
  /** The holder's own. */
  readonly data: string;
  /** Held by a node of Causeway, and not by a relay of another make. */
  readonly native: boolean;
}

function pathOf(name: string): string {
  const { realm, peer } = parsePeer(name);
  return `/admin/reservations/${segment(realm)}/${segment(peer)}`;
}

export async function getReservation(name: string, options: AdminOptions): Promise<number> {
  const path = pathOf(name);
  const admin = await openAdmin(options);
  return show(options, await admin.get<ReservationBody>(path), ({ holder, epoch, expiresAt, data, native }) =>
    pairs([
      ['holder', native ? `${holder} (a node of Causeway)` : holder],
      ['epoch', epoch],
      ['until', time(expiresAt)],
      ['data', data || '-'],
    ]),
  );
}

export interface PutReservationOptions extends AdminOptions {
  readonly holder: string;
  readonly epoch: number;
  /** Milliseconds. */
  readonly for: number;
  readonly data?: string;
}

export async function putReservation(name: string, options: PutReservationOptions): Promise<number> {
  const path = pathOf(name);
  const { holder, epoch, for: ttlMs, data } = options;
  const admin = await openAdmin(options);
  const body = { holder, epoch, ttlMs, ...(data !== undefined && { data }) };
  const answer = await admin.put<{ epoch: number; expiresAt: number }>(path, body);
  return show(options, answer, (held) => `epoch ${held.epoch}, until ${time(held.expiresAt)}`);
}

export async function deleteReservation(
  name: string,
  options: AdminOptions & { readonly epoch: number },
): Promise<number> {
  const path = pathOf(name);
  const admin = await openAdmin(options);
  const answer = await admin.delete(`${path}?epoch=${options.epoch}`);
  return show(options, answer, () => `the reservation of ${visible(name)} is deleted`);
}
