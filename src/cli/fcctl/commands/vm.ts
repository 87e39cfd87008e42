import { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { consoleCommand } from './console.ts';
import { createCommand } from './create.ts';
import { execCommand } from './exec.ts';
import { filesCommand } from './files.ts';
import { forkCommand } from './fork.ts';
import { portCommand, previewCommand } from './port.ts';
import { promoteCommand } from './promote.ts';
import { listCommand } from './list.ts';
import { pauseCommand, resumeCommand } from './pause.ts';
import { killCommand, logsCommand, processListCommand } from './processes.ts';
import { removeCommand } from './rm.ts';
import { startCommand, stopCommand } from './stop.ts';
import { shellCommand } from './shell.ts';
import { showCommand } from './show.ts';
import { snapshotVmCommand } from './snapshot-vm.ts';
import { statsCommand } from './stats.ts';

/** `fcctl vm`: the VMs that live until they are removed. */
export function vmCommand(): Command {
  const command = new Command('vm')
    .description('Make, list, use and remove VMs that live until they are removed.')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(statsCommand())
    .addCommand(consoleCommand())
    .addCommand(execCommand())
    .addCommand(shellCommand())
    .addCommand(processListCommand())
    .addCommand(logsCommand())
    .addCommand(killCommand())
    .addCommand(filesCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(stopCommand())
    .addCommand(startCommand())
    .addCommand(snapshotVmCommand())
    .addCommand(forkCommand())
    .addCommand(promoteCommand())
    .addCommand(portCommand())
    .addCommand(previewCommand())
    .addCommand(removeCommand());
  return withExamples(
    command,
    ['fcctl vm create --name try --wait', 'makes a VM'],
    ['fcctl vm exec try -- python3 --version', 'runs a command in it'],
  );
}
