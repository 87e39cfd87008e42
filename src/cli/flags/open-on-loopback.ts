import { Option } from 'commander';

/** `--open-on-loopback`: calls from this machine need no key. */
export const openOnLoopbackFlag = (): Option =>
  new Option('--open-on-loopback', 'let calls from this machine pass without a key (default: off)');
