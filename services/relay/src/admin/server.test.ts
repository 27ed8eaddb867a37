import { PortInUse } from '@causeway/service-kit';
import { afterEach, expect, test } from 'vitest';
import { fakeOperations } from '../../../../test/kit/admin-server.ts';
import { type AdminOptions, createAdmin } from './server.ts';
import { AdminTokens } from './tokens.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: Partial<AdminOptions> = {}) {
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    tokens: new AdminTokens([]),
    operations: fakeOperations([]),
    attempts: { take: async () => 0, blockedFor: async () => 0 },
    metrics: async (format) => ({ contentType: 'text/plain; version=0.0.4', body: `${format} 1\n` }),
    notReady: async () => [],
    failed: () => undefined,
    ...options,
  });
  closers.push(admin.close);
  await admin.listen();
  const get = async (path: string, method = 'GET', headers = {}) => {
    const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { method, headers });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };
  return { admin, get };
}

test('serves metrics in the format of its source', async () => {
  const { get } = await start();
  const body = 'prometheus 1\n';
  expect(await get('/metrics')).toEqual({ status: 200, type: 'text/plain; version=0.0.4', body });
});

test.each([
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.2', 'openmetrics'],
  ['text/plain, Application/OpenMetrics-Text', 'openmetrics'],
  ['text/plain, application/openmetrics-text;q=0', 'prometheus'],
  ['text/plain;version=0.0.4', 'prometheus'],
  ['application/openmetrics-texts', 'prometheus'],
  ['*/*', 'prometheus'],
])('to Accept: %s it answers in the form of %s', async (accept, format) => {
  const { get } = await start();
  expect((await get('/metrics', 'GET', { accept })).body).toBe(`${format} 1\n`);
});

test('tells live from ready, with the reasons', async () => {
  let reasons: string[] = [];
  const { get } = await start({ notReady: async () => reasons });
  expect(await get('/health/ready')).toMatchObject({ status: 200, body: '{"status":"ok"}\n' });
  reasons = ['draining', 'Redis is away'];
  const notReady = await get('/health/ready?verbose');
  expect([notReady.status, JSON.parse(notReady.body)]).toEqual([503, { status: 'unavailable', reasons }]);
  expect((await get('/health/live')).status).toBe(200);
});

test('everything else is 404, a failure of a source 500 with its message, and told of', async () => {
  const told: string[] = [];
  const failed = (error: unknown, path: string): void => {
    told.push(`${path} ${error}`);
  };
  const { get } = await start({ metrics: () => Promise.reject(new Error('broken')), failed });
  expect((await get('/')).status).toBe(404);
  expect((await get('/health/live', 'POST')).status).toBe(404);
  expect(await get('/metrics')).toMatchObject({ status: 500, body: '{"error":"broken","code":"internal"}\n' });
  expect(told).toEqual(['/metrics Error: broken']);
});

test('HEAD is answered as GET, without the body', async () => {
  const { get } = await start({ notReady: async () => ['draining'] });
  expect(await get('/metrics', 'HEAD')).toEqual({ status: 200, type: 'text/plain; version=0.0.4', body: '' });
  expect((await get('/health/live', 'HEAD')).status).toBe(200);
  expect((await get('/health/ready', 'HEAD')).status).toBe(503);
  expect((await get('/', 'HEAD')).status).toBe(404);
});

test('a port in use is an error', async () => {
  const { admin } = await start();
  await expect(start({ port: admin.port })).rejects.toBeInstanceOf(PortInUse);
});
