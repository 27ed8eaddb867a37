import { afterAll, expect, test } from 'vitest';
import { connectTo, untilHealthy } from '../../contract/implementation.ts';
import { Flow } from '../../kit/flow.ts';
import { startProxy } from '../../kit/proxy.ts';
import { Reader } from '../../kit/reader.ts';
import { startRedis } from '../../kit/redis.ts';
import { startRelay } from '../../kit/relay.ts';
import { Scope } from '../../kit/scope.ts';
import { waitFor } from '../../kit/wait.ts';
import { numbered } from '../fixture.ts';
import { booked, untilFlushed } from './books.ts';

const REALM = 'cut';
const CUTS = 3;
const scope = new Scope();
afterAll(() => scope.end());

test('flushes whose replies are lost between execution and answer count once', async () => {
  const redis = scope.keep(await startRedis());
  const proxy = scope.keep(await startProxy({ target: { port: redis.nodes[0]?.port as number } }));
  const store = connectTo(redis.url);
  scope.keep({ stop: () => store.close() });
  await untilHealthy(store);
  const env = { CAUSEWAY_USAGE_FLUSH_SECONDS: '1', CAUSEWAY_USAGE_PEERS: 'on' };
  const relay = scope.keep(await startRelay({ redis: { url: `redis://${proxy.host}:${proxy.port}` }, env }));
  const reader = scope.keep(new Reader({ peer: 'bob', realm: REALM }));
  await reader.connect(relay.url);
  const flow = new Flow({
    url: relay.url,
    realm: REALM,
    from: 'alice',
    to: 'bob',
    payloads: numbered(500_000),
    window: 8,
  });
  scope.keep(await flow.start());
  const unanswered = async () => (await relay.metrics()).value('causeway_usage_writes_total', { result: 'unanswered' });
  for (let cut = 1; cut <= CUTS; cut += 1) {
    await untilFlushed(relay);
    proxy.pause('replies');
    const { messagesIn } = await booked(store, REALM);
    await waitFor(async () => (await booked(store, REALM)).messagesIn > messagesIn, {
      what: 'a flush without an answer',
    });
    const before = await unanswered();
    proxy.cutAll();
    proxy.resume('replies');
    await waitFor(async () => (await unanswered()) > before, { what: 'the flush has failed' });
  }
  const count = flow.end();
  await Promise.all([flow.finish(), reader.until(count)]);
  expect(await relay.stop()).toBe(0);
  expect([flow.sends, reader.duplicates, flow.refusals]).toEqual([count, 0, 0]);
  expect(await booked(store, REALM)).toMatchObject({ messagesIn: count, messagesOut: count });
  expect(await booked(store, REALM, 'alice')).toMatchObject({ messagesIn: count, messagesOut: 0 });
});
