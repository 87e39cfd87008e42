import { posix } from 'node:path';
import { Argument, Command, Option } from 'commander';
import type { StartProcessRequest } from '../../../contracts/processes.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { toExitCode } from '../exit-code.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { addVariable, parseSecondsUpTo } from '../parse-words.ts';
import { guestHome } from '../place.ts';
import { type ProgramInVm, runInVm } from '../run-in-vm.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

interface ExecFlags extends InstanceFlags {
  readonly shell?: true;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly stdin?: true;
  readonly detach?: true;
  readonly timeout?: number;
  readonly json?: true;
}

/** `fcctl vm exec`: runs a command in a VM as if it ran here. */
export function execCommand(): Command {
  const command = withInstanceFlags(
    new Command('exec')
      .description("Run a command in a VM; its output, errors and exit code become this command's own.")
      .addArgument(vmArgument())
      .addArgument(new Argument('<command...>', 'the command with its arguments, after --'))
      .addOption(new Option('--shell', 'run the words as a line of bash'))
      .addOption(new Option('--cwd <folder>', 'folder in the VM to run it in (default: /home/sandbox)'))
      .addOption(
        new Option('--env <name=value>', 'set a variable; may be repeated (default: none)').argParser(addVariable),
      )
      .addOption(new Option('--user <name>', 'user in the VM (default: sandbox, who has no rights)'))
      .addOption(new Option('-i, --stdin', 'hand what comes on stdin to the command'))
      .addOption(new Option('-d, --detach', 'print the id of the process and leave it running').conflicts('stdin'))
      .addOption(
        new Option('--timeout <seconds>', 'stop it after this time (default: never)').argParser(
          parseSecondsUpTo(604_800),
        ),
      ),
  )
    .addOption(jsonFlag())
    .action((word: string, words: readonly string[], flags: ExecFlags) =>
      withVmService(flags, async (client, signal) => {
        const vmId = await findVmId(client, word, signal);
        const program = toProgram(vmId, words, flags);
        if (flags.detach === true) await detach(client, program, flags.json === true);
        else await execute(client, program, { json: flags.json === true, signal });
      }),
    );
  return withExamples(
    command,
    ['fcctl vm exec try -- python3 -c "print(6 * 7)"', 'runs a program with its arguments'],
    ["fcctl vm exec try --shell -- 'ls /usr | wc -l'", 'runs a line of bash'],
  );
}

type Program = Omit<ProgramInVm, 'onOutput'>;

function toProgram(vmId: string, words: readonly string[], flags: ExecFlags): Program {
  const { shell, cwd, env, user, stdin, timeout } = flags;
  const request: Partial<StartProcessRequest> = {
    ...(shell === true ? { shell: words.join(' ') } : { argv: [...words] }),
    ...(cwd === undefined ? {} : { cwd: posix.resolve(guestHome, cwd) }),
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(user === undefined ? {} : { user }),
    ...(timeout === undefined ? {} : { timeout_ms: Math.ceil(timeout * 1000) }),
  };
  const onWarning = (sentence: string): void => void process.stderr.write(`warning: ${sentence}\n`);
  return { vmId, request, onWarning, ...(stdin === true ? { stdin: process.stdin } : {}) };
}

async function detach(client: VmClient, { vmId, request }: Program, json: boolean): Promise<void> {
  const started = await client.startProcess(vmId, request);
  process.stdout.write(json ? `${JSON.stringify(started)}\n` : `${started.id}\n`);
}

interface ExecuteOptions {
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function execute(client: VmClient, program: Program, { json, signal }: ExecuteOptions): Promise<void> {
  const kept = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const onOutput: ProgramInVm['onOutput'] = async (stream, data) =>
    json ? void kept[stream].push(data) : writeTo(process[stream], data);
  const end = await runInVm(client, { ...program, onOutput }, signal);
  if (json) {
    const [stdout, stderr] = [kept.stdout, kept.stderr].map((parts) => Buffer.concat(parts).toString('utf8'));
    await writeTo(process.stdout, `${JSON.stringify({ ...end.process, stdout, stderr })}\n`);
  }
  process.exitCode = toExitCode(end);
}
