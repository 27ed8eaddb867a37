/**
 * `npm run demo`: two peers on different nodes of a cluster exchange messages, one goes away, and gets what was stored
 * for it on the third node. Everything runs on free ports of this machine, ends by itself and leaves nothing behind.
 */
import { killChildren } from '../test/kit/child.ts';
import { startRedisCluster } from '../test/kit/redis.ts';
import { startCluster } from '../test/kit/relay.ts';
import { deferred } from '../test/kit/wait.ts';
import { Story } from './demo-story.ts';

/** 128 + the signal's number, as a shell has it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** What has been started; ended in the opposite order. */
const started: { stop(): Promise<unknown> }[] = [];
const interrupted = deferred<void>();
/** While children are being started, an interrupted demo goes on killing them: more may be on their way. */
const KILL_EVERY_MS = 50;
let killing: NodeJS.Timeout | undefined;
let starting = true;
let exitCode = 0;

for (const [signal, code] of Object.entries(EXIT_CODES)) {
  process.on(signal, () => {
    // The second time nothing is worth waiting for.
    if (exitCode !== 0) killChildren();
    else if (starting) killing = setInterval(killChildren, KILL_EVERY_MS);
    exitCode = code;
    interrupted.resolve();
  });
}

async function start(): Promise<Story> {
  console.log('Starting a Redis Cluster of 3 primaries and 3 replicas, and 3 relays...');
  const redis = await startRedisCluster();
  started.push(redis);
  const cluster = await startCluster({ redis, relays: 3 });
  started.push(cluster);
  for (const [index, { url, listening }] of cluster.relays.entries()) {
    console.log(`  node ${index + 1}  ${listening.node}  ${url}`);
  }
  const story = new Story(cluster.relays, console.log);
  started.push(story);
  return story;
}

try {
  const story = await start();
  starting = false;
  await Promise.race([story.play(), interrupted.promise]);
} catch (error) {
  if (exitCode === 0) {
    console.error(error instanceof Error ? error.message : error);
    exitCode = 1;
  }
}
starting = false;
clearInterval(killing);
console.log('\nStopping...');
for (const part of started.reverse()) await part.stop();
console.log('Stopped.');
process.exit(exitCode);
