import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { ConsoleSpanExporter } from '@opentelemetry/sdk-trace';
import { afterEach, expect, test, vi } from 'vitest';
import { Recorder } from './recorder.ts';
import { processorsFromEnv } from './span-processors.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Ends one span under these variables. */
async function sendOne(env: Readonly<Record<string, string>>): Promise<() => Promise<unknown>> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const processors = await processorsFromEnv();
  const recorder = new Recorder({
    resource: emptyResource(),
    scope: { name: 'test' },
    limits: { links: 128, attributes: null },
    ended: (span) => processors.forEach((processor) => void processor.onEnd(span)),
  });
  recorder.start({ name: 'send', kind: SpanKind.SERVER, attributes: null }, null).end({});
  return () => Promise.all(processors.map((processor) => processor.shutdown()));
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  [{}, 'application/x-protobuf'],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, 'application/x-protobuf'],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'application/json'],
  [
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf' },
    'application/x-protobuf',
  ],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'nonsense' }, 'application/x-protobuf'],
])('%j: a span is sent as %s, with the headers that are asked for', async (env, type) => {
  const requests: unknown[] = [];
  const server = createHttpServer((request, response) => {
    const { method, url, headers } = request;
    requests.push([method, url, headers['content-type'], headers['x-tenant']]);
    request.resume().on('end', () => response.end());
  });
  const OTEL_EXPORTER_OTLP_ENDPOINT = await listen(server);
  const stop = await sendOne({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1' });
  await stop();
  server.close();
  expect(requests).toEqual([['POST', '/v1/traces', type, 't1']]);
});

test('a span is sent by gRPC', async () => {
  const server = createHttp2Server();
  const called = new Promise((resolve) => {
    server.on('stream', (stream, headers) => {
      resolve(headers[':path']);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
    });
  });
  const OTEL_EXPORTER_OTLP_ENDPOINT = await listen(server);
  const stop = await sendOne({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_ENDPOINT });
  const stopped = stop().then(
    () => null,
    () => null,
  );
  expect(await called).toBe('/opentelemetry.proto.collector.trace.v1.TraceService/Export');
  await stopped;
  server.close();
});

test('spans go to the console where the environment says so, and unknown exporters are passed over', async () => {
  const written = vi.spyOn(ConsoleSpanExporter.prototype, 'export').mockImplementation(() => undefined);
  await sendOne({ OTEL_TRACES_EXPORTER: 'console,nonsense' });
  expect(written.mock.calls.map(([spans]) => spans.map(({ name }) => name))).toEqual([['send']]);
});
