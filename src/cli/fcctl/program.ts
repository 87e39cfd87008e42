import { Command } from 'commander';
import { version } from '../../lib/version.ts';
import { throwInstead } from '../command-line.ts';
import { withExamples } from '../examples.ts';
import { benchCommand } from './commands/bench.ts';
import { completionCommand } from './commands/completion.ts';
import { copyCommand } from './commands/cp.ts';
import { doctorCommand } from './commands/doctor.ts';
import { imageCommand } from './commands/image.ts';
import { poolCommand } from './commands/pool.ts';
import { snapshotCommand } from './commands/snapshot.ts';
import { vmCommand } from './commands/vm.ts';

/** Builds the command line of the VM service. */
export function createFcctl(): Command {
  const program = new Command('fcctl')
    .description('MicroVMs of a VM service: make them, run commands in them, remove them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ sortOptions: false })
    .addCommand(vmCommand())
    .addCommand(copyCommand())
    .addCommand(snapshotCommand())
    .addCommand(imageCommand())
    .addCommand(poolCommand())
    .addCommand(benchCommand())
    .addCommand(doctorCommand())
    .addCommand(completionCommand(createFcctl));
  withExamples(
    program,
    ['vm=$(fcctl vm create --wait)', 'makes a VM and keeps its id'],
    ['fcctl vm exec "$vm" -- uname -a', 'runs a command in it'],
  );
  return throwInstead(program);
}
