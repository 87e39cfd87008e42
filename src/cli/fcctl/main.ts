import { runMain } from '../command-line.ts';
import { createFcctl } from './program.ts';

await runMain(createFcctl());
