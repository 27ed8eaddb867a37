import { ExitCode } from './exit-codes.ts';
import { messageLine, print } from './output.ts';
import { type RelayOptions, withClient } from './session.ts';

export interface ListenOptions extends RelayOptions {
  /** End after so many messages. */
  readonly count?: number;
}

/** Prints what arrives, each message acknowledged once it is written. */
export function listen(options: ListenOptions): Promise<number> {
  return withClient(options, Number.POSITIVE_INFINITY, async (client) => {
    client.on('welcome', ({ peer, node }) => {
      if (!options.json) process.stderr.write(`causeway: listening as ${peer} on node ${node}\n`);
    });
    const started = client.start();
    let left = options.count ?? Number.POSITIVE_INFINITY;
    // A refusal to let us in ends the iteration with the same error.
    started.catch(() => undefined);
    for await (const message of client.messages({ ack: 'manual' })) {
      await print(messageLine(message, options.json ?? false));
      message.ack();
      left -= 1;
      if (left === 0) break;
    }
    return ExitCode.ok;
  });
}
