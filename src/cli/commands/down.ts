import { Command } from 'commander';
import { stopAll } from '../../apps/all/index.ts';
import { withExamples } from '../examples.ts';
import { type InstanceFlags, configurationOf, withInstanceFlags } from '../instance.ts';
import { formatDuration } from '../output/format.ts';

/** `bigbox down`: stops everything and waits until it is gone. */
export function downCommand(): Command {
  const command = withInstanceFlags(
    new Command('down').description('Stop everything and wait until it is gone; runs go on at the next start.'),
  ).action(async (flags: InstanceFlags) => {
    const started = performance.now();
    const stopped = await stopAll(configurationOf(flags).dataDir);
    process.stderr.write(
      stopped.length === 0
        ? 'Nothing was running.\n'
        : `Stopped ${stopped.join(', ')} in ${formatDuration(performance.now() - started)}.\n`,
    );
  });
  return withExamples(
    command,
    ['bigbox down', 'stops the usual instance'],
    ['bigbox down --data-dir ~/second', 'stops another one'],
  );
}
