import { expect, test } from 'vitest';
import { Lifecycle, type Part } from './lifecycle.ts';

function setUp(parts: (log: (entry: string) => void) => Part[], stopTimeoutMs = 60_000) {
  const events: string[] = [];
  const errors: string[] = [];
  const logger = {
    debug: () => undefined,
    error: (_fields: unknown, message?: string) => errors.push(String(message)),
  };
  const lifecycle = new Lifecycle(
    parts((entry) => events.push(entry)),
    { logger: logger as never, stopTimeoutMs },
  );
  return { lifecycle, events, errors };
}

const plain =
  (log: (entry: string) => void) =>
  (name: string): Part => ({
    name,
    start: async () => log(`+${name}`),
    stop: async () => log(`-${name}`),
  });

test('starts in order, stops in reverse, once', async () => {
  const { lifecycle, events } = setUp((log) => ['a', 'b', 'c'].map(plain(log)));
  await lifecycle.start();
  const [first, second] = await Promise.all([lifecycle.stop(), lifecycle.stop()]);
  expect([first, second]).toEqual([true, true]);
  expect(events).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
});

test('a part that fails to start has itself and those before it stopped, and throws', async () => {
  const { lifecycle, events } = setUp((log) => [
    plain(log)('a'),
    { ...plain(log)('b'), start: () => Promise.reject(new Error('no b')) },
    plain(log)('c'),
  ]);
  await expect(lifecycle.start()).rejects.toThrow('no b');
  expect(events).toEqual(['+a', '-b', '-a']);
});

test('a part that fails to stop does not keep the others from it', async () => {
  const { lifecycle, events, errors } = setUp((log) => [
    plain(log)('a'),
    { ...plain(log)('b'), stop: () => Promise.reject(new Error('no')) },
    plain(log)('c'),
  ]);
  await lifecycle.start();
  expect(await lifecycle.stop()).toBe(false);
  expect(events).toEqual(['+a', '+b', '+c', '-c', '-a']);
  expect(errors).toEqual(['failed to stop']);
});

test('a part that does not stop in time is not waited for', async () => {
  const { lifecycle, errors } = setUp((log) => [{ ...plain(log)('a'), stop: () => new Promise(() => undefined) }], 1);
  await lifecycle.start();
  expect(await lifecycle.stop()).toBe(false);
  expect(errors).toEqual(['did not stop in time']);
});

test('a stop during the start keeps the parts behind from starting', async () => {
  const { lifecycle, events } = setUp((log) => [
    plain(log)('a'),
    { ...plain(log)('b'), start: () => void lifecycle.stop() },
    plain(log)('c'),
  ]);
  await lifecycle.start();
  await lifecycle.stop();
  expect(events).toEqual(['+a', '-b', '-a']);
});
