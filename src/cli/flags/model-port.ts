import { Option } from 'commander';
import { parsePort } from '../parse-values.ts';

/** `--model-port`: where the built-in model service listens. */
export const modelPortFlag = (): Option =>
  new Option('--model-port <number>', 'port of the built-in model (default: 11434)').argParser(parsePort);
