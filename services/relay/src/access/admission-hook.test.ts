import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NodeId, PeerId } from '@causeway/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACME, HandClock, SILENT } from '../../../../test/kit/token-kit.ts';
import { AdmissionHook, type AdmissionHookOptions, type AdmissionQuestion } from './admission-hook.ts';

let server: Server;
let url: URL;
let clock: HandClock;
let asked: { question: unknown; headers: IncomingMessage['headers'] }[];
let respond: (response: ServerResponse, question: AdmissionQuestion) => void;

const says = (body: unknown, status = 200) => {
  respond = (response) => void response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
};

beforeEach(async () => {
  asked = [];
  clock = new HandClock();
  says({ allow: true });
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const question = JSON.parse(body);
    asked.push({ question, headers: request.headers });
    if (request.url === '/other') response.end('{"allow":true}');
    else respond(response, question);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/admit`);
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function hook(options: Partial<AdmissionHookOptions> = {}): AdmissionHook {
  return new AdmissionHook({ url, secret: null, timeoutMs: 5000, failure: 'closed', clock, log: SILENT, ...options });
}

function question(rest: Partial<AdmissionQuestion> = {}): AdmissionQuestion {
  const alice = { realm: ACME, peer: 'alice' as PeerId, node: 'n1' as NodeId };
  return { ...alice, address: '192.0.2.1', scheme: 'none', client: 'test/1', ...rest };
}

const ADMITTED = { kind: 'admitted', limits: {} };
const UNDECIDED = { kind: 'refused', code: 'unavailable', message: expect.stringContaining('could not be decided') };

describe('the admission hook', () => {
  it('is asked by POST, with its secret', async () => {
    expect(await hook({ secret: 's3cret' }).admit(question())).toEqual(ADMITTED);
    expect(asked).toMatchObject([
      { question: question(), headers: { authorization: 'Bearer s3cret', 'content-type': 'application/json' } },
    ]);
    await hook().admit(question());
    expect(asked[1]?.headers.authorization).toBeUndefined();
  });

  it('admits with limits, and denies with a reason', async () => {
    const asking = hook();
    says({ allow: true, limits: { messagesPerSecond: 3 }, more: 1 });
    expect(await asking.admit(question())).toEqual({ kind: 'admitted', limits: { messagesPerSecond: 3 } });
    says({ allow: false, reason: 'unpaid' });
    expect(await asking.admit(question({ peer: 'bob' as PeerId }))).toMatchObject({
      code: 'forbidden',
      message: 'unpaid',
    });
    says({ allow: false });
    expect(await asking.admit(question({ peer: 'carol' as PeerId }))).toMatchObject({ code: 'forbidden' });
  });

  it('is asked once for a peer and an address for as long as it says', async () => {
    const asking = hook();
    says({ allow: true, ttlSeconds: 2 });
    for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1']) {
      await asking.admit(question({ address }));
    }
    expect(asked).toHaveLength(4);
    await asking.admit(question());
    expect(asked).toHaveLength(4);
    says({ allow: false, ttlSeconds: 2 });
    clock.ms += 2001;
    expect(await asking.admit(question())).toMatchObject({ code: 'forbidden' });
    says({ allow: true, ttlSeconds: 0 });
    expect(await asking.admit(question())).toMatchObject({ code: 'forbidden' });
    asking.forget();
    expect(await asking.admit(question())).toEqual(ADMITTED);
    expect(asked).toHaveLength(6);
    clock.ms += 2;
    says({ allow: true });
    await asking.admit(question());
    clock.ms += 59_000;
    await asking.admit(question());
    expect(asked).toHaveLength(7);
    clock.ms += 1001;
    await asking.admit(question());
    expect(asked).toHaveLength(8);
  });

  it('is asked once by all who ask the same at once, also when answers are forgotten meanwhile', async () => {
    const asking = hook();
    const waiting: ServerResponse[] = [];
    let came = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      came = resolve;
    });
    respond = (response) => {
      waiting.push(response);
      came();
    };
    const replies = Array.from({ length: 50 }, () => asking.admit(question()));
    await arrived;
    asking.forget();
    for (const response of waiting) response.end('{"allow":true}');
    expect(await Promise.all(replies)).toEqual(Array(50).fill(ADMITTED));
    expect(asked).toHaveLength(1);
  });

  it('is asked 64 questions at once, the others wait', async () => {
    const asking = hook();
    const waiting: ServerResponse[] = [];
    let filled = (): void => {};
    const full = new Promise<void>((resolve) => {
      filled = resolve;
    });
    respond = (response) => {
      if (waiting.push(response) === 64) filled();
    };
    const peers = Array.from({ length: 300 }, (_, index) => `p${index}` as PeerId);
    const replies = Promise.all(peers.map((peer) => asking.admit(question({ peer }))));
    await full;
    // Behind whatever was sent before it.
    await hook({ url: new URL('/other', url) }).admit(question());
    expect(waiting).toHaveLength(64);
    says({ allow: true });
    for (const response of waiting) response.end('{"allow":true}');
    expect(await replies).toEqual(Array(300).fill(ADMITTED));
  });
});

describe('an admission hook that fails', () => {
  it.each([
    ['says nothing', null, 0],
    ['answers 500', { allow: true }, 500],
    ['answers 302', { allow: true }, 302],
    ['sends no JSON', 'yes', 200],
    ['does not say whether', { reason: 'maybe' }, 200],
    ['says it in a text', { allow: 'true' }, 200],
    ['gives limits that are none', { allow: true, limits: { messagesPerSecond: -1 } }, 200],
    ['sends too much', { allow: true, padding: 'x'.repeat(20_000) }, 200],
  ])('because it %s decides as it was set to, and is asked again', async (_, body, status) => {
    if (body === null) respond = () => {};
    else says(body, status);
    const closed = hook({ timeoutMs: 100 });
    expect(await closed.admit(question())).toEqual(UNDECIDED);
    expect(await hook({ timeoutMs: 100, failure: 'open' }).admit(question())).toEqual(ADMITTED);
    says({ allow: true });
    expect(await closed.admit(question())).toEqual(ADMITTED);
    expect(asked).toHaveLength(3);
  });

  it('because it is not there', async () => {
    await new Promise((resolve) => server.close(resolve));
    const logged: object[] = [];
    const asking = hook({ log: { ...SILENT, warn: (fields: object) => void logged.push(fields) } });
    for (let i = 0; i < 3; i += 1) expect(await asking.admit(question())).toEqual(UNDECIDED);
    clock.ms += 10_000;
    await asking.admit(question());
    expect(logged).toMatchObject([{ failures: 1, failure: 'closed' }, { failures: 3 }]);
  });
});
