import { Argument, Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { type Shell, shells, writeCompletion } from '../completion.ts';

/** `fcctl completion`: lets a shell complete its words. `program` gives the whole command line, which this command is a part of. */
export function completionCommand(program: () => Command): Command {
  const command = new Command('completion')
    .description('Print what lets a shell complete the words of fcctl.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action((shell: Shell) => void process.stdout.write(writeCompletion(program(), shell)));
  return withExamples(
    command,
    ['source <(fcctl completion bash)', 'for this shell'],
    ['fcctl completion fish > ~/.config/fish/completions/fcctl.fish', 'for all later ones'],
  );
}
