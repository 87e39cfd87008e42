import { Command } from 'commander';
import { readLiveState } from '../../../apps/all/index.ts';
import type { Finding } from '../../../deploy/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, configurationOf, withInstanceFlags } from '../../instance.ts';
import { exitCodes } from '../../output/error.ts';

/** `fcctl doctor`: what this machine lacks for VMs. */
export function doctorCommand(): Command {
  const command = withInstanceFlags(
    new Command('doctor').description('Check what VMs need of this machine, and say what to do where it lacks.'),
  )
    .addOption(jsonFlag())
    .action(async (flags: InstanceFlags & { readonly json?: true }) => {
      // Loaded here alone: it would more than double the time that every other command takes to start.
      const { diagnose } = await import('../../../deploy/index.ts');
      const configuration = configurationOf(flags);
      const running = await readLiveState(configuration.dataDir);
      const ownAddresses = running === undefined ? [] : [running.url, running.vmUrl];
      const findings = await diagnose({ configuration, ownAddresses });
      process.stdout.write(flags.json === true ? `${JSON.stringify(findings)}\n` : findings.map(toLines).join(''));
      if (findings.some(({ state }) => state === 'problem')) process.exitCode = exitCodes.failed;
    });
  return withExamples(
    command,
    ['fcctl doctor', 'each check, what it found, and what to do'],
    ['fcctl doctor --json', 'the same as a JSON array'],
  );
}

const toLines = ({ check, state, finding, remedy }: Finding): string => {
  const line = `  ${check.padEnd(15)} ${state.padEnd(8)} ${finding}\n`;
  return remedy === undefined ? line : `${line}${' '.repeat(27)}${remedy}\n`;
};
