/** The load generator: a process of its own, so that its cost is measured apart. Takes jobs over IPC, one at a time. */
import { runBulk } from './bulk.ts';
import type { Connection } from './connection.ts';
import { holdConnections } from './idle.ts';
import type { FromGenerator, ToGenerator } from './job.ts';
import { runLoad, type Window } from './load.ts';

let held: Connection[] = [];
let sampled: () => void = () => {};

const report = (message: FromGenerator) => process.send?.(message);

const window: Window = {
  open: () => report({ type: 'open' }),
  close: () =>
    new Promise((resolve) => {
      sampled = resolve;
      report({ type: 'close' });
    }),
};

async function handle(job: ToGenerator): Promise<void> {
  switch (job.type) {
    case 'load':
      report({ type: 'done', result: await runLoad(job, window) });
      return;
    case 'bulk':
      report({ type: 'moved', result: await runBulk(job, window) });
      return;
    case 'idle':
      held = await holdConnections(job);
      report({ type: 'held' });
      return;
    case 'release':
      await Promise.all(held.map((connection) => connection.close()));
      held = [];
      report({ type: 'done', result: null });
      return;
    case 'sampled':
      sampled();
  }
}

process.on('message', (job: ToGenerator) => {
  handle(job).catch((error: unknown) => report({ type: 'failed', reason: String(error) }));
});
process.on('disconnect', () => process.exit());
