import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readAll } from '../test/tunnel-kit.ts';
import { Inflow } from './tunnel-inflow.ts';

const WINDOW = 1000;

let credits: number[];
let cancelled: unknown[];
let inflow: Inflow;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  credits = [];
  cancelled = [];
  inflow = new Inflow(WINDOW, {
    onCredit: (bytes) => credits.push(bytes),
    onCancel: (reason) => cancelled.push(reason),
  });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('credit', () => {
  it('goes back when the application has taken a quarter of the window, not when bytes arrive', async () => {
    const reader = inflow.stream.getReader();
    for (let i = 0; i < 4; i++) inflow.push(new Uint8Array(100).fill(i));
    expect(credits).toEqual([]);
    expect((await reader.read()).value).toHaveLength(400);
    expect(credits).toEqual([400]);
    inflow.push(new Uint8Array(249));
    await reader.read();
    expect(credits).toEqual([400]);
    inflow.push(new Uint8Array(1));
    await reader.read();
    expect(credits).toEqual([400, 250]);
  });

  it('goes back after a while all the same, so that ends with different windows do not wait for each other', async () => {
    const reader = inflow.stream.getReader();
    inflow.push(new Uint8Array(3));
    await reader.read();
    vi.advanceTimersByTime(999);
    expect(credits).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(credits).toEqual([3]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is of no use after the end', async () => {
    inflow.push(new Uint8Array(900));
    inflow.end();
    expect(await readAll(inflow.stream)).toHaveLength(900);
    expect(credits).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('reading', () => {
  it('fills the buffers that a reader brings', async () => {
    const reader = inflow.stream.getReader({ mode: 'byob' });
    const waiting = reader.read(new Uint8Array(4));
    inflow.push(Uint8Array.of(1, 2));
    inflow.push(Uint8Array.of(3, 4, 5, 6, 7));
    expect((await waiting).value).toEqual(Uint8Array.of(1, 2));
    expect((await reader.read(new Uint8Array(4))).value).toEqual(Uint8Array.of(3, 4, 5, 6));
    inflow.end();
    expect((await reader.read(new Uint8Array(4))).value).toEqual(Uint8Array.of(7));
    const { done, value } = await reader.read(new Uint8Array(4));
    expect([done, value?.length]).toEqual([true, 0]);
  });

  it('gives the buffer back to a reader that waited for what does not come', async () => {
    const reader = inflow.stream.getReader({ mode: 'byob' });
    const waiting = reader.read(new Uint8Array(4));
    inflow.end();
    expect(await waiting).toEqual({ done: true, value: new Uint8Array(0) });
  });

  it('gives waiting bytes to the next reader when one lets go', async () => {
    const first = inflow.stream.getReader();
    const waiting = first.read();
    first.releaseLock();
    await expect(waiting).rejects.toThrow(TypeError);
    inflow.push(Uint8Array.of(1));
    expect((await inflow.stream.getReader().read()).value).toEqual(Uint8Array.of(1));
  });

  it('fails when the tunnel is closed, and drops what was not taken', async () => {
    const reader = inflow.stream.getReader();
    inflow.push(Uint8Array.of(1));
    inflow.fail(new Error('closed'));
    inflow.push(Uint8Array.of(2));
    await expect(reader.read()).rejects.toThrow('closed');
  });

  it('keeps what is complete, whatever becomes of the tunnel', async () => {
    inflow.push(Uint8Array.of(1));
    inflow.end();
    inflow.fail(new Error('closed'));
    expect(await readAll(inflow.stream)).toEqual(Buffer.of(1));
  });
});

describe('cancel', () => {
  it('says that what is to come is not wanted', async () => {
    inflow.push(Uint8Array.of(1));
    await inflow.stream.cancel('enough');
    inflow.push(Uint8Array.of(2));
    inflow.end();
    expect(cancelled).toEqual(['enough']);
  });

  it('says nothing when nothing is to come', async () => {
    inflow.push(Uint8Array.of(1));
    inflow.end();
    await inflow.stream.cancel('enough');
    expect(cancelled).toEqual([]);
  });
});
