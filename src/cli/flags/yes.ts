import { Option } from 'commander';

/** `--yes`: no question before packages are installed. */
export const yesFlag = (): Option => new Option('-y, --yes', 'install what is missing without asking');
