import { Command, InvalidArgumentError, Option } from 'commander';
import { withExamples } from '../../examples.ts';
import { abortable } from '../../../lib/async.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatTable } from '../../output/table.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { forwardPort } from '../forward-port.ts';
import { parseWhole } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm port`: the TCP ports that programs in VMs listen on. */
export function portCommand(): Command {
  const command = new Command('port')
    .description('See the ports that programs in VMs listen on, and connect to them.')
    .addCommand(listCommand())
    .addCommand(forwardCommand());
  return withExamples(
    command,
    ['fcctl vm port ls try', 'those of the VM named try'],
    ['fcctl vm port ls try --json', 'as a JSON array'],
  );
}

interface ListFlags extends InstanceFlags {
  readonly json?: true;
}

function listCommand(): Command {
  const command = withInstanceFlags(
    new Command('ls')
      .description('List the TCP ports that programs in a VM listen on.')
      .addArgument(vmArgument())
      .addOption(jsonFlag()),
  ).action((word: string, flags: ListFlags) =>
    withVmService(flags, async (client, signal) => {
      const ports = await client.listPorts(await findVmId(client, word, signal), signal);
      const rows = ports.map(({ port, address, guest_pid: pid, program = '' }) => [
        String(port),
        address,
        pid === undefined ? '' : String(pid),
        program,
      ]);
      const table = formatTable(['PORT', 'ADDRESS', 'PID', 'PROGRAM'], rows);
      process.stdout.write(flags.json === true ? `${JSON.stringify(ports)}\n` : table);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm port ls try', 'a table with one line a port'],
    ["fcctl vm port ls try --json | jq '.[].port'", 'the numbers alone'],
  );
}

/** One pair of ports, as it is written: the one here, and the one in the VM. */
function addPair(word: string, earlier: readonly Pair[] = []): readonly Pair[] {
  const [first = '', second = first, ...more] = word.split(':');
  if (more.length > 0) throw new InvalidArgumentError('It is a port, or LOCAL:PORT.');
  return [...earlier, { localPort: parseWhole(0, 65_535)(first), port: parseWhole(1, 65_535)(second) }];
}

interface Pair {
  readonly localPort: number;
  readonly port: number;
}

function forwardCommand(): Command {
  const command = withInstanceFlags(
    new Command('forward')
      .description('Carry connections to ports of this machine to ports of a VM, until Ctrl-C.')
      .addArgument(vmArgument())
      .argument('<ports...>', 'a port, or LOCAL:PORT; 0 as LOCAL takes any that is free', addPair),
  ).action((word: string, pairs: readonly Pair[], flags: InstanceFlags) =>
    withVmService(flags, async (client, signal, connection) => {
      const vmId = await findVmId(client, word, signal);
      for (const pair of pairs) {
        const localPort = await forwardPort(connection, { vmId, ...pair }, signal);
        process.stdout.write(`127.0.0.1:${localPort} goes to port ${pair.port} of ${word}\n`);
      }
      await abortable(new Promise(() => undefined), signal);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm port forward try 8000', 'port 8000 here is port 8000 in the VM named try'],
    ['fcctl vm port forward try 5433:5432 0:8000', 'two, one of them on any port that is free here'],
  );
}

interface PreviewFlags extends InstanceFlags {
  readonly ttl?: number;
}

/** `fcctl vm preview`: prints a link to a port of a VM. */
export function previewCommand(): Command {
  const command = withInstanceFlags(
    new Command('preview')
      .description(
        'Print a link to what a program in a VM answers on a port. Whoever has the link needs no key until it expires.',
      )
      .addArgument(vmArgument())
      .argument('<port>', 'the port in the VM', parseWhole(1, 65_535))
      .addOption(new Option('--ttl <seconds>', 'how long the link works (default: 3600)').argParser(parseSeconds)),
  ).action((word: string, port: number, flags: PreviewFlags) =>
    withVmService(flags, async (client, signal) => {
      const place = { vmId: await findVmId(client, word, signal), port };
      const wish = flags.ttl === undefined ? {} : { ttl_seconds: flags.ttl };
      process.stdout.write(`${(await client.makePreviewLink(place, wish, signal)).url}\n`);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm preview try 8000', 'an hour for what listens on port 8000'],
    ['curl "$(fcctl vm preview try 8000 --ttl 60)status.json"', 'asks it for a file'],
  );
}

function parseSeconds(word: string): number {
  if (/^\d+$/.test(word) && Number(word) > 0) return Number(word);
  throw new InvalidArgumentError('It is a number of seconds above 0.');
}
