import type { PeerKey } from './address.ts';
import type { Clock } from './clock.ts';
import type { Directory } from './ports.ts';
import type { Recipient } from './recipient.ts';
import type { Registry } from './registry.ts';
import type { Settings } from './settings.ts';

/** A reservation is refreshed three times in its life, so that two refreshes may fail. */
const REFRESHES = 3;
/** Commands in one second are at most this many, however many peers came at the same time. */
const MAX_AT_ONCE = 1000;

export interface ReservationsDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly registry: Registry;
  /** A peer's reservation was extended. */
  readonly onRefreshed: (key: PeerKey) => void;
}

/** Extends the reservations of connected peers, spread over time. */
export class Reservations {
  private readonly deps: ReservationsDeps;
  /** In the order of their next refresh, because all live equally long. */
  private round: Recipient[] = [];
  private roundEnds = 0;
  private done = 0;
  private hurried = false;
  /** The store did not have them; a newer registration may just have taken over, and says so itself. */
  private suspects: Recipient[] = [];

  constructor(deps: ReservationsDeps) {
    this.deps = deps;
  }

  /** To be called every second: a share of all reservations, so that each has its turn once in a third of its life. */
  refresh(): void {
    const { clock, registry, settings } = this.deps;
    const now = clock.now();
    const { suspects } = this;
    this.suspects = [];
    for (const recipient of suspects) this.refreshOne(recipient, () => void registry.reclaim(recipient));
    const period = settings.reservationTtlMs / REFRESHES;
    if (this.hurried || (this.done >= this.round.length && now >= this.roundEnds)) {
      this.round = [...registry.all()];
      this.done = 0;
      this.roundEnds = now + (this.hurried ? 0 : period);
      this.hurried = false;
    }
    const left = this.round.length - this.done;
    if (left === 0) return;
    const secondsLeft = Math.max(1, (this.roundEnds - now) / 1000);
    const share = Math.min(MAX_AT_ONCE, Math.ceil(left / secondsLeft));
    for (const recipient of this.round.slice(this.done, this.done + share)) {
      this.refreshOne(recipient, () => this.suspects.push(recipient));
    }
    this.done += share;
  }

  /** The store may have lost what it had confirmed: all have their turn as soon as the pace allows. */
  hurry(): void {
    this.hurried = true;
  }

  private async refreshOne(recipient: Recipient, onLost: () => void): Promise<void> {
    if (recipient.state === 'leaving' || recipient.state === 'ended') return;
    const { directory, settings } = this.deps;
    const reply = await directory.refresh(recipient.key, recipient.location, settings.reservationTtlMs);
    if (reply.kind === 'lost') onLost();
    else if (reply.kind === 'unavailable') this.round.push(recipient);
    else this.deps.onRefreshed(recipient.key);
  }
}
