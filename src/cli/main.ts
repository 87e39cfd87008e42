import { exitCodeOf, formatError } from './output/error.ts';
import { createProgram, runProgram } from './program.ts';

// A reader that closes early (`bigbox logs | head`) ends the command quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const args = process.argv.slice(2);
try {
  await runProgram(createProgram(), args);
} catch (error) {
  process.stderr.write(formatError(error, { debug: args.includes('--debug') }));
  process.exitCode = exitCodeOf(error);
}
