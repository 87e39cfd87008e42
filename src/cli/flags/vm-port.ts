import { Option } from 'commander';
import { parsePort } from '../parse-values.ts';

/** `--vm-port`: where the VM service listens. */
export const vmPortFlag = (): Option =>
  new Option('--vm-port <number>', 'port of the VM service (default: 8080)').argParser(parsePort);
