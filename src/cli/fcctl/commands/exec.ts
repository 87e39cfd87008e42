import { constants } from 'node:os';
import { posix } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { BigboxError, fromErrorBody } from '../../../contracts/errors.ts';
import type { StartProcessRequest } from '../../../contracts/processes.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { addVariable, parseSecondsUpTo } from '../parse-words.ts';
import { guestHome } from '../place.ts';
import { type EndInVm, type ProgramInVm, runInVm } from '../run-in-vm.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

interface ExecFlags extends InstanceFlags {
  readonly shell?: true;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly stdin?: true;
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
        await execute(client, toProgram(vmId, words, flags), { json: flags.json === true, signal });
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

/** Gives what a shell would: the code, or 128 and the signal. Throws what else ended the command: a limit, its VM, somebody. */
function toExitCode({ process: ended, lostBytes }: EndInVm): number {
  const { id, outcome, exit_code: code = -1, signal, error_detail: detail } = ended;
  if (lostBytes > 0) reportLoss(lostBytes, code);
  if (outcome === 'exited') return code;
  if (detail !== undefined) throw fromErrorBody(detail);
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  if (outcome === 'signalled' && number !== undefined) return 128 + number;
  throw new BigboxError('EXECUTION_CANCELLED', { message: `The command was stopped from elsewhere (process ${id}).` });
}

/** A hole in the output must not look like success. */
function reportLoss(bytes: number, code: number): void {
  const message = `${bytes} bytes of the output came faster than they were read here and are lost.`;
  if (code !== 0) return void process.stderr.write(`warning: ${message}\n`);
  throw new BigboxError('LIMIT_EXCEEDED', {
    message,
    context: { limit: 'kept output', lost_bytes: bytes },
    remedy: 'Write it to a file in the VM and fetch that, or compress it there.',
  });
}
