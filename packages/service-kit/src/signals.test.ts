import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { exitOnSignals } from './signals.ts';

class FakeProcess extends EventEmitter {
  readonly codes: number[] = [];
  exit(code: number): void {
    this.codes.push(code);
    this.emit('exited');
  }
}

function setUp(stop: () => Promise<boolean>) {
  const target = new FakeProcess();
  const fatal: string[] = [];
  let stops = 0;
  const counted = () => {
    stops += 1;
    return stop();
  };
  const logger = { info: () => undefined, fatal: (_fields: unknown, message?: string) => fatal.push(String(message)) };
  exitOnSignals({ stop: counted }, logger as never, target);
  return { target, fatal, stops: () => stops };
}

test.each([
  ['SIGTERM', true, 0],
  ['SIGINT', true, 0],
  ['SIGTERM', false, 70],
])('%s stops, clean %s: exit %i', async (signal, clean, code) => {
  const { target } = setUp(async () => clean);
  const exited = new Promise((resolve) => target.once('exited', resolve));
  target.emit(signal, signal);
  await exited;
  expect(target.codes).toEqual([code]);
});

test('a second signal exits at once', () => {
  const { target, stops, fatal } = setUp(() => new Promise(() => undefined));
  target.emit('SIGTERM', 'SIGTERM');
  expect(target.codes).toEqual([]);
  target.emit('SIGINT', 'SIGINT');
  expect(target.codes).toEqual([70]);
  expect(stops()).toBe(1);
  expect(fatal).toEqual(['second signal: exiting at once']);
});

test.each(['uncaughtException', 'unhandledRejection'])('%s is fatal: exit 70', (event) => {
  const { target, fatal, stops } = setUp(async () => true);
  target.emit(event, new Error('oops'));
  expect([target.codes, fatal, stops()]).toEqual([[70], ['uncaught error'], 0]);
});
