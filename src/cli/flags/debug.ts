import { Option } from 'commander';

/** `--debug`: errors with their stack. */
export const debugFlag = (): Option => new Option('--debug', 'show the stack of an error');
