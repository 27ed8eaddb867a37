import { Connection } from './connection.ts';
import type { IdleJob } from './job.ts';
import { wires } from './wires/index.ts';

/** Enough to keep the server busy, few enough for its accept queue. */
const OPENING_AT_ONCE = 50;

/** Opens and registers the job's connections. */
export async function holdConnections(job: IdleJob): Promise<Connection[]> {
  const wire = wires[job.wire];
  const held: Connection[] = [];
  let next = 0;
  const open = async () => {
    while (next < job.connections) {
      const name = `${job.label}-idle-${next++}`;
      const connection = await Connection.open(job.port, wire.path, wire.subprotocol);
      await wire.register(connection, name);
      held.push(connection);
    }
  };
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, open));
  return held;
}
