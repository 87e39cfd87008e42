import { Command, Option } from 'commander';
import type { TerminalSize } from '../../../contracts/processes.ts';
import type { ProcessAddress, VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { toExitCode } from '../exit-code.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { useTerminal } from '../use-terminal.ts';
import { withVmService } from '../vm-service.ts';

interface ShellFlags extends InstanceFlags {
  readonly user?: string;
  readonly attach?: string;
}

const defaultSize: TerminalSize = { cols: 80, rows: 24 };

const sizeHere = (): TerminalSize =>
  process.stdout.isTTY ? { cols: process.stdout.columns, rows: process.stdout.rows } : defaultSize;

/** `fcctl vm shell`: a shell in a VM, on this terminal. */
export function shellCommand(): Command {
  const command = withInstanceFlags(
    new Command('shell')
      .description("Open a shell in a VM on this terminal; its exit code becomes this command's own.")
      .addArgument(vmArgument())
      .addOption(new Option('--user <name>', 'user in the VM (default: sandbox, who has no rights)'))
      .addOption(new Option('--attach <process>', 'go on in a process that has a terminal (default: a new shell)')),
  ).action((word: string, flags: ShellFlags) =>
    withVmService(flags, async (client, signal) => {
      const vmId = await findVmId(client, word, signal);
      if (flags.attach !== undefined) {
        const address = { vmId, processId: flags.attach };
        if (process.stdout.isTTY) await client.resizeProcess(address, sizeHere());
        return useShell(client, address, signal);
      }
      const user = flags.user === undefined ? {} : { user: flags.user };
      const { id: processId } = await client.startProcess(vmId, { argv: ['bash', '-l'], pty: sizeHere(), ...user });
      try {
        return await useShell(client, { vmId, processId }, signal);
      } catch (error) {
        if (signal.aborted) await client.killProcess({ vmId, processId });
        throw error;
      }
    }),
  );
  return withExamples(
    command,
    ['fcctl vm shell try', 'opens a shell in the VM named try'],
    ['fcctl vm shell try --user root', 'the same with all rights in the VM'],
  );
}

async function useShell(client: VmClient, address: ProcessAddress, signal: AbortSignal): Promise<void> {
  const attachment = await client.attachProcess(address, { signal });
  const { stdin: input, stdout: output } = process;
  const onResize = (): void => attachment.order({ type: 'resize', ...sizeHere() });
  process.exitCode = toExitCode(await useTerminal({ input, output, onResize }, attachment));
}
