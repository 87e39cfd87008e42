import { Argument, Command, Option } from 'commander';
import type { ProcessEvent, VmProcess } from '../../../contracts/processes.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatAge } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { toExitCode } from '../exit-code.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { type ProgramInVm, followInVm } from '../run-in-vm.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

const processArgument = (): Argument => new Argument('<process>', 'id of a process, as fcctl vm ps shows it');
const onOutput: ProgramInVm['onOutput'] = (stream, data) => writeTo(process[stream], data);

/** `fcctl vm ps`: the processes that were started in a VM. */
export function processListCommand(): Command {
  const command = withInstanceFlags(
    new Command('ps')
      .description('List the processes that were started in a VM from outside, also those that ended last.')
      .addArgument(vmArgument()),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const { processes } = await client.listProcesses(await findVmId(client, word, signal), signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(processes)}\n`);
        const now = Date.now();
        if (processes.length === 0) return void process.stderr.write('There are none. fcctl vm exec starts one.\n');
        process.stdout.write(
          formatTable(
            ['ID', 'STATE', 'AGE', 'COMMAND'],
            processes.map((one) => toRow(one, now)),
          ),
        );
      }),
    );
  return withExamples(
    command,
    ['fcctl vm ps try', 'id, state, age, command'],
    ['fcctl vm ps try --json', 'all that is known of them'],
  );
}

function toRow({ id, outcome, exit_code, signal, started_at, argv }: VmProcess, now: number): readonly string[] {
  const ends: Partial<Record<string, string>> = { exited: `exit ${exit_code ?? ''}`, signalled: signal ?? 'signalled' };
  const state = outcome === undefined ? 'running' : (ends[outcome] ?? outcome);
  return [id, state, formatAge(now - Date.parse(started_at)), argv.join(' ').replaceAll(/\s+/g, ' ').slice(0, 80)];
}

/** `fcctl vm logs`: what a process wrote. */
export function logsCommand(): Command {
  const command = withInstanceFlags(
    new Command('logs')
      .description('Print what a process of a VM wrote, as far as it is kept.')
      .addArgument(vmArgument())
      .addArgument(processArgument())
      .addOption(new Option('-f, --follow', 'go on to its end, and end with its exit code')),
  ).action((word: string, processId: string, flags: InstanceFlags & { readonly follow?: true }) =>
    withVmService(flags, async (client, signal) => {
      const address = { vmId: await findVmId(client, word, signal), processId };
      const { first_offset: after, next_offset: end } = await client.showProcess(address, signal);
      if (after > 0) process.stderr.write(`warning: the first ${after} bytes are no longer kept.\n`);
      if (flags.follow === true)
        process.exitCode = toExitCode(await followInVm(client, address, { program: { onOutput }, signal, after }));
      else if (end > after) await printUpTo(end, client.processOutput(address, { after, encoding: 'base64', signal }));
    }),
  );
  return withExamples(
    command,
    ['fcctl vm logs try proc-0123456789abcdef', 'what it wrote so far'],
    ['fcctl vm logs try "$process" --follow', 'goes on to its end'],
  );
}

async function printUpTo(end: number, events: AsyncIterable<ProcessEvent>): Promise<void> {
  for await (const event of events) {
    if (event.type === 'exit') return;
    if (event.type === 'output') await onOutput(event.stream, Buffer.from(event.data, event.encoding));
    if (event.next_offset >= end) return;
  }
}

/** `fcctl vm kill`: ends a process with all that it started. */
export function killCommand(): Command {
  const command = withInstanceFlags(
    new Command('kill')
      .description('End a process of a VM with all that it started.')
      .addArgument(vmArgument())
      .addArgument(processArgument()),
  ).action((word: string, processId: string, flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) => {
      const { id } = await client.killProcess({ vmId: await findVmId(client, word, signal), processId });
      process.stdout.write(`${id}\n`);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm kill try proc-0123456789abcdef', 'ends one'],
    ['fcctl vm kill try "$process"', 'ends the one that exec --detach printed'],
  );
}
