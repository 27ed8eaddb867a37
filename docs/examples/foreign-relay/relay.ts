/**
 * A relay of its own kind on the coordination of a Causeway cluster: lines over TCP, one process, nothing of ours.
 *
 *   ADMIN=http://127.0.0.1:7071 TOKEN=... NAME=one node relay.ts     prints {"port":40123}
 *
 * A client says `hello <peer>`, then `send <peer> <text>`, and is answered `welcome`, `taken <relay>`, `ok`,
 * `throttled`, `elsewhere <relay>`, `nowhere`; it is shown `from <peer> <text>`, and `replaced` when its peer has gone
 * to another relay. All such relays and the cluster's own nodes share the limits, and know of each other's peers.
 */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Reservation {
  readonly peer: string;
  readonly holder: string;
  /** The higher one wins. */
  readonly epoch: number;
}

/** All that such a relay asks of the cluster. */
interface Coordination {
  /** Whether the peer may send a message of so many bytes now. */
  allow(peer: string, bytes: number): Promise<boolean>;
  /** Makes the reservation, or extends it. False: the peer is elsewhere under a higher epoch. */
  syncReservation(reservation: Reservation): Promise<boolean>;
  find(peer: string): Promise<Reservation | null>;
  release(reservation: Reservation): Promise<void>;
}

const TTL_MS = 5000;

class CausewayCoordination implements Coordination {
  private readonly url: string;
  private readonly token: string;
  private readonly realm: string;

  constructor(url: string, token: string, realm: string) {
    this.url = url;
    this.token = token;
    this.realm = realm;
  }

  async allow(peer: string, bytes: number): Promise<boolean> {
    const { body } = await this.ask('POST', '/admin/allow', [200], { realm: this.realm, peer, bytes });
    return body.allowed === true;
  }

  async syncReservation({ peer, holder, epoch }: Reservation): Promise<boolean> {
    const { status } = await this.ask('PUT', this.path(peer), [200, 409], { holder, epoch, ttlMs: TTL_MS });
    return status === 200;
  }

  async find(peer: string): Promise<Reservation | null> {
    const { status, body } = await this.ask('GET', this.path(peer), [200, 404]);
    return status === 404 ? null : { peer, holder: String(body.holder), epoch: Number(body.epoch) };
  }

  async release({ peer, epoch }: Reservation): Promise<void> {
    await this.ask('DELETE', `${this.path(peer)}?epoch=${epoch}`, [200, 404, 409]);
  }

  private path(peer: string): string {
    return `/admin/reservations/${this.realm}/${encodeURIComponent(peer)}`;
  }

  private async ask(method: string, path: string, expected: readonly number[], body?: object) {
    const headers = { authorization: `Bearer ${this.token}` };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await fetch(`${this.url}${path}`, init);
    const answer = (await response.json()) as Record<string, unknown>;
    if (!expected.includes(response.status)) throw new Error(`${method} ${path}: ${answer.error}`);
    return { status: response.status, body: answer };
  }
}

interface Client {
  readonly socket: Socket;
  readonly reservation: Reservation;
}

class Relay {
  private readonly name: string;
  private readonly coordination: Coordination;
  private readonly clients = new Map<string, Client>();

  constructor(name: string, coordination: Coordination) {
    this.name = name;
    this.coordination = coordination;
    setInterval(() => void this.renew(), TTL_MS / 5);
  }

  serve(socket: Socket): void {
    const tell = (line: string): void => void socket.write(`${line}\n`);
    let client: Client | null = null;
    // One line at a time: what a client says is answered in its order.
    let turn = Promise.resolve();
    createInterface({ input: socket }).on('line', (line) => {
      turn = turn
        .then(async () => {
          const [, verb, peer = '', text = ''] = /^(\w+) (\S+) ?(.*)$/.exec(line) ?? [];
          if (verb === 'hello' && client === null) client = await this.hello(socket, peer);
          else if (verb === 'send' && client !== null) tell(await this.send(client, peer, text));
          else tell('what?');
        })
        .catch((error: unknown) => tell(`failed ${error}`));
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      turn = turn.then(async () => {
        if (client === null || this.clients.get(client.reservation.peer) !== client) return;
        this.clients.delete(client.reservation.peer);
        await this.coordination.release(client.reservation);
      });
      turn.catch((error: unknown) => console.error(String(error)));
    });
  }

  private async hello(socket: Socket, peer: string): Promise<Client | null> {
    // Microseconds, as the nodes of the cluster count: whoever comes later has the higher epoch.
    const reservation = { peer, holder: this.name, epoch: Math.trunc(Date.now() * 1000) };
    if (!(await this.coordination.syncReservation(reservation))) {
      socket.write(`taken ${(await this.coordination.find(peer))?.holder}\n`);
      return null;
    }
    this.clients.get(peer)?.socket.end('replaced\n');
    const client = { socket, reservation };
    this.clients.set(peer, client);
    socket.write('welcome\n');
    return client;
  }

  private async send(from: Client, to: string, text: string): Promise<string> {
    const sender = from.reservation.peer;
    if (!(await this.coordination.allow(sender, Buffer.byteLength(text)))) return 'throttled';
    const client = this.clients.get(to);
    if (client !== undefined) {
      client.socket.write(`from ${sender} ${text}\n`);
      return 'ok';
    }
    const found = await this.coordination.find(to);
    return found === null ? 'nowhere' : `elsewhere ${found.holder}`;
  }

  /** A peer that has gone to another relay, or to a node of the cluster, is here no more. */
  private async renew(): Promise<void> {
    for (const client of [...this.clients.values()]) {
      const { peer } = client.reservation;
      const holds = await this.coordination.syncReservation(client.reservation).catch(() => true);
      if (holds || this.clients.get(peer) !== client) continue;
      this.clients.delete(peer);
      client.socket.end('replaced\n');
    }
  }
}

const { ADMIN = 'http://127.0.0.1:7071', TOKEN = '', REALM = 'default', NAME = 'foreign' } = process.env;
const relay = new Relay(NAME, new CausewayCoordination(ADMIN, TOKEN, REALM));
const server = createServer((socket) => relay.serve(socket)).listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify(server.address()));
});
