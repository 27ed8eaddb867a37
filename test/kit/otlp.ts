import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { waitFor } from './wait.ts';

const PROTO = fileURLToPath(new URL('./otlp.proto', import.meta.url));
const STATUS_ERROR = 2;

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as a collector was told of it; ids as hexadecimal digits. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parent: string;
  /** 1: internal, 2: server, 3: client, 4: producer, 5: consumer. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
  readonly resource: Attributes;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}
interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly DecodedSpan[] }[];
  }[];
}
interface DecodedSpan {
  readonly name: string;
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly links: readonly { readonly traceId: Buffer; readonly spanId: Buffer }[];
  readonly status: { readonly code: number } | null;
}

export interface Collector {
  /** OTEL_* variables of a relay that sends its spans here soon. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
  /** The spans of this name, as soon as there are so many. */
  named(name: string, count: number): Promise<readonly ReceivedSpan[]>;
  stop(): Promise<void>;
}

/** Takes spans by OTLP over HTTP, as protobuf. */
export async function startCollector(): Promise<Collector> {
  const type = (await protobuf.load(PROTO)).lookupType('otlp.ExportTraceServiceRequest');
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void receive(type, request).then(
      (received) => {
        spans.push(...received);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: '20' },
    spans,
    named: (name, count) =>
      waitFor(
        () => {
          const found = spans.filter((span) => span.name === name);
          return found.length >= count && found;
        },
        { what: `${count} spans ${name} have come` },
      ),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function receive(type: protobuf.Type, request: IncomingMessage): Promise<ReceivedSpan[]> {
  const body = await buffer(request);
  const { url, headers } = request;
  if (url !== '/v1/traces' || headers['content-type'] !== 'application/x-protobuf')
    throw new Error(`${url} is unknown`);
  const bytes = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  const { resourceSpans } = type.toObject(type.decode(bytes), {
    longs: String,
    defaults: true,
    arrays: true,
  }) as Decoded;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) => scope.spans.map((span) => toSpan(span, valuesOf(resource.attributes)))),
  );
}

function toSpan(span: DecodedSpan, resource: Attributes): ReceivedSpan {
  return {
    name: span.name,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parent: hex(span.parentSpanId),
    kind: span.kind,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(span.attributes),
    links: span.links.map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
    failed: span.status?.code === STATUS_ERROR,
    resource,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** An int64 comes as text. */
function valuesOf(attributes: readonly KeyValue[]): Attributes {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.intValue === undefined ? oneOf(value) : Number(value.intValue)]),
  );
}

function oneOf(value: KeyValue['value']): string | number | boolean {
  return Object.values(value)[0] ?? '';
}
