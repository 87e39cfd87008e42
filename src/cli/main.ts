import { runMain } from './command-line.ts';
import { createProgram } from './program.ts';

await runMain(createProgram());
