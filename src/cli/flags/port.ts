import { Option } from 'commander';
import { parsePort } from '../parse-values.ts';

/** `--port`: where the pages and the agent server listen. */
export const portFlag = (): Option =>
  new Option('--port <number>', 'port of the pages and the API (default: 3000)').argParser(parsePort);
