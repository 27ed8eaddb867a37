import type { PeerId } from '@causeway/protocol';
import { expect, test } from 'vitest';
import { World } from '../../../../../test/simulation/world.ts';
import { BufferPool } from '../buffers.ts';
import type { Connection } from '../connection.ts';
import { Counters } from '../counters.ts';
import { SharedBytes } from '../shared-bytes.ts';
import type { UsageAccount } from '../usage-account.ts';
import type { Far } from './far.ts';
import { TunnelEnd } from './tunnel-end.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function setUp() {
  const events: string[] = [];
  const tell = (who: string) => ({
    data: (bytes: Uint8Array) => events.push(`${who} data ${bytes.length}`),
    credit: (bytes: number) => events.push(`${who} credit ${bytes}`),
    end: () => events.push(`${who} end`),
    close: (reason: string) => events.push(`${who} close ${reason}`),
    over: (atOnce: boolean) => events.push(`${who} over ${atOnce}`),
  });
  const connection = {
    isCongested: false,
    send: ({ type }: { readonly type: string }) => events.push(type),
    tunnelData: (_tunnel: number, bytes: Uint8Array) => events.push(`tunnel_data ${bytes.length}`),
  } as unknown as Mutable<Connection>;
  const holder = {
    ...{ connection, account: { tunnelBytes: 0 } as UsageAccount },
    onOver: () => events.push('gone'),
    onStalled: () => events.push('stalled'),
  };
  const clock = new World();
  const held = new SharedBytes(1_000_000, 10_000);
  const end = new TunnelEnd(1, 5, holder, {
    ...{
      windowBytes: 100,
      maxBytes: 1e9,
      clock,
      timers: clock,
      counters: new Counters(),
      held,
      pool: new BufferPool(),
    },
  });
  const far = tell('far') as unknown as Far;
  return { end, far, events, connection, held, clock, take: () => events.splice(0) };
}

test('what is said of an end that is not open yet is about an earlier try of its call', () => {
  const { end, far, take } = setUp();
  end.data(new Uint8Array(3));
  end.credit(5);
  end.end();
  end.close('lost');
  end.fail('lost');
  expect(take()).toEqual([]);
  end.open(far, 'bob' as PeerId, 3);
  end.data(new Uint8Array(3));
  expect(end.clientData(new Uint8Array(100))).toBe(true);
  expect(take()).toEqual(['tunnel_open', 'tunnel_data 3', 'far data 100']);
});

test('credit that comes back allows so much more, and not a byte beyond it', () => {
  const { end, far, take } = setUp();
  end.open(far, 'bob' as PeerId, 3);
  end.clientData(new Uint8Array(60));
  end.credit(20);
  take();
  expect(end.clientData(new Uint8Array(60))).toBe(true);
  expect(take()).toEqual(['far data 60']);
  end.clientData(new Uint8Array(1));
  expect(take()).toEqual(['far close credit', 'far over true', 'gone', 'tunnel_close']);
});

test('what was given can be returned once', () => {
  const { end, far, take } = setUp();
  end.open(far, 'bob' as PeerId, 3);
  end.data(new Uint8Array(50));
  end.clientCredit(30);
  end.clientCredit(20);
  take();
  end.clientCredit(1);
  expect(take()).toEqual(['far close credit', 'far over true', 'gone', 'tunnel_close']);
});

test('when both have ended, an end is not over before its client has everything', () => {
  const { end, far, take, connection, held } = setUp();
  end.open(far, 'bob' as PeerId, 3);
  connection.isCongested = true;
  end.data(new Uint8Array(5));
  end.end();
  end.clientEnd();
  expect(take()).toEqual(['tunnel_open', 'stalled', 'far end']);
  connection.isCongested = false;
  end.flush();
  expect(take()).toEqual(['tunnel_data 5', 'tunnel_end', 'far over false', 'gone']);
  expect(held.held).toBe(0);
});

test('credit is traffic as well as bytes are', async () => {
  const { end, far, clock } = setUp();
  end.open(far, 'bob' as PeerId, 3);
  const acts = [() => end.credit(1), () => end.data(new Uint8Array(1)), () => end.clientData(new Uint8Array(1))];
  for (const act of acts) {
    await clock.run(1000, () => false);
    act();
    expect(end.activeAt).toBe(clock.now());
  }
});
