import { Option } from 'commander';

/** `--allow-origin`: other web pages that may call the API; may be given several times. */
export const allowOriginFlag = (): Option =>
  new Option(
    '--allow-origin <url>',
    'let web pages of this origin call the API; may be repeated (default: none)',
  ).argParser((url: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), url]);
