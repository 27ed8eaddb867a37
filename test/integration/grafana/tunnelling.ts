import type { Relay } from '../../kit/relay.ts';
import type { KitTunnel } from '../../kit/tunnel.ts';
import { TunnelPeer, tunnelBetween } from '../../kit/tunnel-peer.ts';
import { waitFor } from '../../kit/wait.ts';
import { range } from '../fixture.ts';
import type { Stage } from './commotion.ts';

/** Of a tunnel, in the environment of the relays: more than the sockets of a client that does not read take in. */
export const WINDOW_BYTES = 16 * 1024 * 1024;
/** Failed joins that one address is let have, likewise. */
export const FAILED_JOINS = 3;
const SEND_EVERY_MS = 25;
const PIECE = 20_000;

/** Sends into a tunnel at a steady rate, as long as it is open and there is credit. */
class Pump {
  readonly #timer: NodeJS.Timeout;

  constructor(tunnel: KitTunnel) {
    this.#timer = setInterval(() => {
      if (tunnel.reason === null && tunnel.credit >= PIECE) tunnel.overrun(PIECE);
    }, SEND_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

const relay = ({ relays }: Stage, index: number): Relay => relays[index] as Relay;

async function join(stage: Stage, index: number, peer: string): Promise<TunnelPeer> {
  return stage.scope.keep(await TunnelPeer.join({ url: relay(stage, index).url }, { peer }));
}

/** Tunnels, their bytes, and what becomes of rooms and calls. */
export async function tunnel(stage: Stage): Promise<void> {
  await Promise.all([callEachOther(stage), meet(stage), callInVain(stage), stall(stage)]);
  // Of an address that guesses, right joins are refused as well.
  await guess(stage);
}

/** Within a node and between all of them, both ways, until the scope ends. */
async function callEachOther(stage: Stage): Promise<void> {
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [2, 0],
  ] as const) {
    const callee = `callee-${from}-${to}`;
    const ends = [await join(stage, from, `caller-${from}-${to}`), await join(stage, to, callee)] as const;
    for (const end of await tunnelBetween(...ends, callee)) stage.scope.keep(new Pump(end));
  }
}

async function meet(stage: Stage): Promise<void> {
  const room = await (await join(stage, 0, 'owner')).createRoom();
  const guest = await join(stage, 1, 'guest');
  for (const end of await Promise.all([room.opened(), guest.joinRoom(room.code)])) stage.scope.keep(new Pump(end));
}

/** One who is not there, and one who declines. */
async function callInVain(stage: Stage): Promise<void> {
  const caller = await join(stage, 0, 'caller');
  const callee = await join(stage, 1, 'callee');
  const refs = ['nobody', 'callee'].map((peer) => caller.ask(peer));
  const { tunnel: offered } = await callee.offer();
  callee.raw.send({ type: 'tunnel_accept', tunnel: offered, accept: false, reason: 'test' });
  for (const ref of refs) await caller.raw.next('error', (frame) => frame.ref === ref);
}

/** A client that takes nothing of what it is sent. */
async function stall(stage: Stage): Promise<void> {
  const [writer, reader] = [await join(stage, 0, 'fast'), await join(stage, 0, 'slow')];
  const [end] = await tunnelBetween(writer, reader, 'slow');
  reader.raw.pauseReading();
  await end.send(WINDOW_BYTES);
  const waits = async (): Promise<boolean> =>
    (await relay(stage, 0).metrics()).value('causeway_tunnel_waiting_bytes') > 0;
  await waitFor(waits, { what: 'bytes wait for the client' });
}

/** No room has so many digits where a handful is open. */
async function guess(stage: Stage): Promise<void> {
  const guest = await join(stage, 0, 'guesser');
  const refs = range(1, FAILED_JOINS + 2).map((index) => guest.askToJoin(String(1_000_000 + index)));
  for (const ref of refs) await guest.raw.next('error', (frame) => frame.ref === ref);
}
