/**
 * Moves chunks through a Redis Stream, with XADD and XREAD and nothing else: the least that two nodes can do with bulk.
 * Writer and reader are in one process; what was read is trimmed. Arguments: URL of Redis, bytes of a chunk, bytes that
 * may be under way, milliseconds of warm-up and of measurement; prints the bytes that arrived in a second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const [url = '', chunkBytes = 0, windowBytes = 0, warmupMs = 0, measureMs = 0] = [
  process.argv[2],
  ...process.argv.slice(3).map(Number),
] as const;
const STREAM = 'chunks';
const READ_COUNT = 16;

const [writer, reader] = [new Redis(url), new Redis(url)];
const chunk = Buffer.alloc(chunkBytes, 0x5a);
let underWay = 0;
let arrived = 0;

function write(): void {
  while (underWay + chunkBytes <= windowBytes) {
    underWay += chunkBytes;
    void writer.xadd(STREAM, '*', 'e', chunk);
  }
}

async function read(): Promise<void> {
  let cursor = '0-0';
  for (;;) {
    const reply = await reader.xreadBuffer('COUNT', READ_COUNT, 'BLOCK', 100, 'STREAMS', STREAM, cursor);
    const [, entries = []] = (reply?.[0] ?? []) as unknown as [Buffer, [Buffer, Buffer[]][]];
    for (const [id, fields] of entries) {
      cursor = id.toString('latin1');
      const { length } = fields[1] as Buffer;
      arrived += length;
      underWay -= length;
    }
    if (entries.length > 0) void writer.xtrim(STREAM, 'MINID', cursor);
    write();
  }
}

write();
void read();
await sleep(warmupMs);
const [before, since] = [arrived, performance.now()];
await sleep(measureMs);
console.log(JSON.stringify({ bytesPerSecond: ((arrived - before) * 1000) / (performance.now() - since) }));
