/** `helm test` runs this in the relay's image: two peers come in, one sends a message, and its receipt is looked at. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createClient, generateKey } from '@causeway/client';

const { CHECK_URL: url, CHECK_REALM: realm, CHECK_AUTH: auth, CHECK_TOKENS: tokens } = process.env;
const signal = AbortSignal.timeout(45_000);
const clients = [];

async function credentials(role) {
  if (auth === 'key') return { key: await generateKey() };
  if (auth === 'token') return { token: async () => (await readFile(`${tokens}/${role}`, 'utf8')).trim() };
  return { peer: `helm-test-${role}-${randomUUID()}` };
}

async function comeIn(role) {
  const client = createClient({ url, realm, maxAttempts: 5, ...(await credentials(role)) });
  clients.push(client);
  const welcomed = new Promise((resolve) => client.on('welcome', resolve));
  await client.start({ signal });
  const { peer, node } = await welcomed;
  console.log(`${role} ${peer} is on node ${node}`);
  return { client, peer };
}

async function check() {
  const receiver = await comeIn('receiver');
  const sender = await comeIn('sender');
  const text = `hello ${randomUUID()}`;
  const arrival = receiver.client.messages()[Symbol.asyncIterator]().next();
  const { status } = await sender.client.send(receiver.peer, text, { signal });
  const { value: message } = await arrival;
  if (status !== 'delivered') throw new Error(`the receipt says ${status}`);
  if (message.from !== sender.peer || message.text() !== text) throw new Error('another message came');
  console.log('the message arrived, and its receipt says delivered');
}

try {
  await check();
} catch (error) {
  console.error(`the test failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await Promise.all(clients.map((client) => client.stop()));
}
