import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Beating, Heartbeat } from './heartbeat.ts';

const HEARTBEAT_MS = 20_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Connection implements Beating {
  lastSeen = 0;
  part = 0;
  pings = 0;
  silences = 0;
  ping(): void {
    this.pings += 1;
  }
  silent(): void {
    this.silences += 1;
  }
}

test('each connection is pinged once a heartbeat, a twentieth of them at a time', () => {
  const heartbeat = new Heartbeat(HEARTBEAT_MS);
  const connections = Array.from({ length: 100 }, () => new Connection());
  for (const connection of connections) heartbeat.add(connection);
  const pings = () => connections.reduce((sum, connection) => sum + connection.pings, 0);
  for (let tick = 1; tick <= 20; tick += 1) {
    vi.advanceTimersByTime(HEARTBEAT_MS / 20);
    expect(pings()).toBe(tick * 5);
  }
  expect(connections.every((connection) => connection.pings === 1)).toBe(true);
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('silent is who has not been seen for two heartbeats, and no sooner', () => {
  const heartbeat = new Heartbeat(HEARTBEAT_MS);
  const silent = Array.from({ length: 20 }, () => new Connection());
  const seen = new Connection();
  const gone = new Connection();
  for (const connection of [...silent, seen, gone]) heartbeat.add(connection);
  heartbeat.remove(gone);
  const silences = () => silent.map((connection) => connection.silences);
  vi.advanceTimersByTime(2 * HEARTBEAT_MS - 1);
  expect(Math.max(...silences())).toBe(0);
  heartbeat.seen(seen);
  vi.advanceTimersByTime(HEARTBEAT_MS);
  expect(silences()).toEqual(Array.from({ length: 20 }, () => 1));
  expect([seen.silences, gone.silences, gone.pings]).toEqual([0, 0, 0]);
  heartbeat.stop();
});
