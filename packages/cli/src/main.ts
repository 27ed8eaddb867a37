#!/usr/bin/env node
import { run } from './program.ts';

// Whoever pages the help may have seen enough of it. What a command prints notices its own faults (see output.ts).
process.stdout.on('error', () => undefined);
process.exitCode = await run(process.argv.slice(2));
