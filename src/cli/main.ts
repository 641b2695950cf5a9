#!/usr/bin/env node
import { processIo } from './io.js';
import { runCommandLine } from './program.js';

// A reader that has seen enough (`drupald ps | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exit(await runCommandLine(process.argv.slice(2), processIo()));
