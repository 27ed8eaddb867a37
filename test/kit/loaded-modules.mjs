// To be loaded by --import: a line for each module of OpenTelemetry that the process loads, as a record of a log.
import { registerHooks } from 'node:module';

registerHooks({
  load(url, context, next) {
    if (url.includes('/@opentelemetry/')) process.stdout.write(`${JSON.stringify({ level: 'info', loaded: url })}\n`);
    return next(url, context);
  },
});
