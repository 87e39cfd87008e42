import { Argument, Command, Option } from 'commander';
import { BigboxError } from '../../../contracts/errors.ts';
import { createTerminalInput, type TerminalSize, toTerminalProgram, type VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { toExitCode } from '../exit-code.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { followInVm } from '../run-in-vm.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

type ShellFlags = InstanceFlags & { readonly user?: string };

/** `fcctl vm shell`: a terminal in a VM. */
export function shellCommand(): Command {
  const command = withInstanceFlags(
    new Command('shell')
      .description('Open a shell, or a line of bash, on a terminal in a VM; it ends with the exit code of the shell.')
      .addArgument(vmArgument())
      .addArgument(new Argument('[line...]', 'run this instead of an interactive shell, after --'))
      .addOption(new Option('--user <name>', 'user in the VM (default: sandbox, who has no rights)')),
  ).action((word: string, words: readonly string[], flags: ShellFlags) =>
    withVmService(flags, async (client, signal) => {
      assertTerminal();
      const vmId = await findVmId(client, word, signal);
      await converse(client, vmId, { words, signal, ...(flags.user === undefined ? {} : { user: flags.user }) });
    }),
  );
  return withExamples(
    command,
    ['fcctl vm shell try', 'leave it with exit or Ctrl-D'],
    ['fcctl vm shell try -- top', 'one program that needs a terminal'],
  );
}

/** Throws WRONG_USAGE. */
function assertTerminal(): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return;
  throw new BigboxError('WRONG_USAGE', {
    message: 'A shell needs a terminal here, and stdin or stdout is none.',
    remedy: 'Run commands without one with fcctl vm exec.',
  });
}

const sizeNow = (): TerminalSize => ({ rows: process.stdout.rows, columns: process.stdout.columns });

interface Conversation {
  readonly words: readonly string[];
  readonly user?: string;
  readonly signal: AbortSignal;
}

async function converse(client: VmClient, vmId: string, { words, user, signal }: Conversation): Promise<void> {
  const program = toTerminalProgram({
    ...sizeNow(),
    ...(user === undefined ? {} : { user }),
    ...(words.length === 0 ? {} : { line: words.join(' ') }),
  });
  const { id, guest_pid: guestPid } = await client.startProcess(vmId, program, signal);
  const address = { vmId, processId: id };
  const input = createTerminalInput(client, address, guestPid);
  const { stdin, stdout } = process;
  const resize = (): void => input.resize(sizeNow());
  stdin.setRawMode(true).setEncoding('utf8').on('data', input.type);
  stdout.on('resize', resize);
  try {
    const following = followInVm(client, address, {
      program: { onOutput: (_stream, data) => writeTo(stdout, data) },
      signal,
    });
    process.exitCode = toExitCode(await Promise.race([following, input.failed]));
  } catch (error) {
    await client.killProcess(address).catch(() => undefined);
    throw error;
  } finally {
    stdout.off('resize', resize);
    stdin.off('data', input.type).setRawMode(false).pause();
  }
}
