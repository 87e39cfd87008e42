import { resolve } from 'node:path';
import { Option } from 'commander';

/** `--data-dir`: where an instance keeps what is its own. */
export const dataDirFlag = (): Option =>
  new Option('--data-dir <folder>', 'folder of runs, keys, VMs and logs (default: ~/.local/share/bigbox)').argParser(
    (folder) => resolve(folder),
  );
