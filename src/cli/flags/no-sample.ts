import { Option } from 'commander';

/** `--no-sample`: the first start runs no sample analysis. */
export const noSampleFlag = (): Option => new Option('--no-sample', 'leave out the sample analysis of the first start');
