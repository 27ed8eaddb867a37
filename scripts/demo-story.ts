import { type Client, createClient } from '@causeway/client';
import type { Relay } from '../test/kit/relay.ts';

const BURST = 100;
const WAITING = ['are you there?', 'call me back', 'it is urgent'];
const PATHS = [
  ['to a client here', 'causeway_messages_total', { path: 'local' }],
  ['to another node', 'causeway_messages_total', { path: 'remote' }],
  ['into a mailbox', 'causeway_messages_total', { path: 'mailbox' }],
  ['out of a mailbox', 'causeway_mailbox_delivered_total', {}],
] as const;

/** A connected peer. */
interface Peer {
  readonly client: Client;
  /** The relay that welcomed it: its number and node id. */
  readonly at: string;
  /** Messages that waited for it. */
  readonly queued: number;
}

/** Two peers on the nodes of one cluster, told while it happens. */
export class Story {
  readonly #relays: readonly Relay[];
  readonly #print: (line: string) => void;
  readonly #clients: Client[] = [];

  /** @param relays three nodes of one cluster */
  constructor(relays: readonly Relay[], print: (line: string) => void) {
    this.#relays = relays;
    this.#print = print;
  }

  /** Rejects when a message does not come in its place. */
  async play(): Promise<void> {
    const alice = await this.#join('alice', 0);
    const bob = await this.#join('bob', 1);
    this.#print(`\nalice is on ${alice.at}, bob on ${bob.at}`);
    await this.#exchange(alice.client, bob.client);
    await this.#burst(alice.client, bob.client);
    await this.#leaveAndReturn(alice.client, bob.client);
    await this.#account();
  }

  /** Ends whatever `play` waits for. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
  }

  async #join(peer: string, relay: number, resume?: Uint8Array): Promise<Peer> {
    const { url } = this.#relays[relay] as Relay;
    const client = createClient({ url, peer, ...(resume && { resume }) });
    this.#clients.push(client);
    let welcome = { node: '', queued: 0 };
    client.on('welcome', (frame) => {
      welcome = frame;
    });
    await client.start();
    const index = this.#relays.findIndex(({ listening }) => listening.node === welcome.node);
    return { client, at: `node ${index + 1} (${welcome.node})`, queued: welcome.queued };
  }

  async #exchange(alice: Client, bob: Client): Promise<void> {
    this.#print(row('', '', 'outcome', 'arrived', 'receipt'));
    await this.#deliver(alice, bob, 'hello');
    await this.#deliver(bob, alice, 'hello yourself');
    this.#print('  (a receipt waits for the acknowledgment of the recipient, which clients send within 10 ms)');
  }

  async #burst(alice: Client, bob: Client): Promise<void> {
    const texts = Array.from({ length: BURST }, (_, index) => `message ${index + 1}`);
    const since = performance.now();
    const arriving = take(bob, texts, since);
    const receipts = await Promise.all(texts.map((text) => alice.send('bob', text)));
    const receipted = elapsed(since);
    const count = (status: string): number => receipts.filter((receipt) => receipt.status === status).length;
    const queued = count('queued') > 0 ? `, ${count('queued')} queued` : '';
    const outcome = `${count('delivered')} delivered${queued}`;
    this.#print(row('alice -> bob', `${BURST} messages at once`, outcome, (await arriving).at(-1) ?? '', receipted));
    this.#print('bob got all of them, once and in order');
  }

  async #leaveAndReturn(alice: Client, bob: Client): Promise<void> {
    await bob.stop();
    this.#print('\nbob is offline');
    for (const text of WAITING) {
      const since = performance.now();
      const { status } = await alice.send('bob', text);
      this.#print(row('alice -> bob', text, status, '', elapsed(since)));
    }
    const since = performance.now();
    const back = await this.#join('bob', 2, bob.resume);
    this.#print(`\nbob is back, on ${back.at}, where ${back.queued} messages wait for him`);
    const arrivals = await take(back.client, WAITING, since);
    for (const [index, arrived] of arrivals.entries()) {
      this.#print(row('alice -> bob', WAITING[index] ?? '', 'from the mailbox', arrived, ''));
    }
    await this.#deliver(alice, back.client, 'welcome back');
  }

  async #deliver(from: Client, to: Client, text: string): Promise<void> {
    const since = performance.now();
    const arriving = take(to, [text], since);
    const { status } = await from.send(to.peer ?? '', text);
    const receipted = elapsed(since);
    const [arrived = ''] = await arriving;
    this.#print(row(`${from.peer} -> ${to.peer}`, text, status, arrived, receipted));
  }

  async #account(): Promise<void> {
    this.#print(`\n${'who carried what'.padEnd(16)}${PATHS.map(([title]) => title.padStart(18)).join('')}`);
    for (const [index, relay] of this.#relays.entries()) {
      const metrics = await relay.metrics();
      const cells = PATHS.map(([, name, labels]) => String(metrics.value(name, labels)).padStart(18));
      this.#print(`node ${index + 1}`.padEnd(16) + cells.join(''));
    }
  }
}

function row(who: string, what: string, outcome: string, arrived: string, receipted: string): string {
  const times = [arrived, receipted].map((time) => time.padStart(11)).join('');
  return `  ${who.padEnd(15)}${what.padEnd(23)}${outcome.padEnd(17)}${times}`.trimEnd();
}

function elapsed(since: number): string {
  return `${(performance.now() - since).toFixed(1)} ms`;
}

/** Takes the messages with these texts, which must be the next ones, and tells when each arrived. */
async function take(client: Client, texts: readonly string[], since: number): Promise<string[]> {
  const arrivals: string[] = [];
  for await (const message of client.messages()) {
    const expected = texts[arrivals.length];
    if (message.text() !== expected) throw new Error(`"${message.text()}" came where "${expected}" was due`);
    if (arrivals.push(elapsed(since)) === texts.length) break;
  }
  return arrivals;
}
