import { Option } from 'commander';

/** `--json`: the result as JSON on stdout. */
export const jsonFlag = (): Option => new Option('--json', 'print the result as JSON');
