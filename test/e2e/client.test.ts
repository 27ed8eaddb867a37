import { type Client, type ClientOptions, connect, createClient } from '@causeway/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Relay, startRelay } from '../kit/relay.ts';

let relay: Relay;
const clients: Client[] = [];

beforeAll(async () => {
  relay = await startRelay();
});

afterAll(async () => {
  await relay.stop();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
});

async function join(peer: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = createClient({ url: relay.url, peer, backoff: { minMs: 10, maxMs: 100 }, ...options });
  clients.push(client);
  await client.start();
  return client;
}

async function nextText(client: Client): Promise<string> {
  for await (const message of client.messages()) return `${message.from}: ${message.text()}`;
  throw new Error('the client stopped');
}

describe('a client and a relay', () => {
  it('deliver to a peer that is online', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    const received = nextText(bob);
    expect((await alice.send('bob', 'hello')).status).toBe('delivered');
    expect(await received).toBe('alice: hello');
  });

  it('carry any bytes, up to 64 KiB', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    const payload = Uint8Array.from({ length: 65_536 }, (_, i) => i % 256);
    const received = bob.messages().next();
    await alice.send('bob', payload);
    expect((await received).value?.payload).toEqual(payload);
    await expect(alice.send('bob', new Uint8Array(65_537))).rejects.toMatchObject({ code: 'too_large' });
  });

  it('store for a peer that is away, in order', async () => {
    const alice = await join('alice');
    const receipts = await Promise.all(['1', '2', '3'].map((text) => alice.send('dora', text)));
    expect(receipts.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued']);
    const dora = await join('dora');
    const shown: [string, boolean][] = [];
    for await (const message of dora.messages()) {
      shown.push([message.text(), message.stored]);
      if (shown.length === 3) break;
    }
    expect(shown).toEqual([
      ['1', true],
      ['2', true],
      ['3', true],
    ]);
  });

  it('refuse what must not be stored', async () => {
    const alice = await join('alice');
    await expect(alice.send('nobody', 'x', { store: false })).rejects.toMatchObject({ code: 'offline' });
  });

  it('tell who comes and goes', async () => {
    const alice = await join('alice');
    const watch = alice.watch(['erin']);
    expect((await watch.next()).value).toMatchObject({ peer: 'erin', online: false });
    const erin = await join('erin');
    expect((await watch.next()).value).toMatchObject({ peer: 'erin', online: true });
    await erin.stop();
    expect((await watch.next()).value).toMatchObject({ peer: 'erin', online: false });
    await watch.return();
  });

  it('give a peer id to a client that has none', async () => {
    const client = await connect({ url: relay.url });
    clients.push(client);
    expect(client.peer).toMatch(/./);
    const bob = await join('bob');
    const received = nextText(client);
    await bob.send(client.peer ?? '', 'hi');
    expect(await received).toBe('bob: hi');
  });

  it('let the newest connection of a peer win', async () => {
    const first = await join('frank');
    await join('frank');
    expect(await first.closed).toMatchObject({ code: 'replaced', closeCode: 4409 });
  });

  it('keep realms apart', async () => {
    const alice = await join('alice', { realm: 'north' });
    await join('bob', { realm: 'south' });
    await expect(alice.send('bob', 'x', { store: false })).rejects.toMatchObject({ code: 'offline' });
  });

  it('send thousands of messages through a window of 256 to a reader that keeps up', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    const count = 5000;
    const received = (async () => {
      const texts: string[] = [];
      for await (const message of bob.messages()) {
        texts.push(message.text());
        if (texts.length === count) return texts;
      }
      return texts;
    })();
    await Promise.all(Array.from({ length: count }, (_, i) => alice.send('bob', String(i))));
    expect(await received).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  });

  it('move to the next relay when the first drains', async () => {
    const leaving = await startRelay();
    const client = await join('grace', { url: [leaving.url, relay.url] });
    const moved = new Promise<void>((resolve) => {
      client.on('welcome', () => resolve());
    });
    const exit = leaving.stop();
    await moved;
    expect(await exit).toBe(0);
    expect((await client.send('heidi', 'from the other one')).status).toBe('queued');
  });
});
