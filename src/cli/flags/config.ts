import { resolve } from 'node:path';
import { Option } from 'commander';

/** `--config`: the configuration file. */
export const configFlag = (): Option =>
  new Option('--config <file>', 'configuration file (default: a built-in role)').argParser((file) => resolve(file));
