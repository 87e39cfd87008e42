import { text } from 'node:stream/consumers';
import { Argument, Command, Option } from 'commander';
import { BigboxError, fromErrorBody } from '../../../contracts/errors.ts';
import type { ExecuteRequest, ExecuteResponse } from '../../../contracts/execution.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatError } from '../../output/error.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { addVariable, parseSecondsUpTo } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

interface ExecFlags extends InstanceFlags {
  readonly shell?: true;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
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
      .addOption(new Option('-i, --stdin', 'hand the text on stdin to the command'))
      .addOption(
        new Option('--timeout <seconds>', 'stop it after this time (default: as configured)').argParser(
          parseSecondsUpTo(3600),
        ),
      ),
  )
    .addOption(jsonFlag())
    .action((word: string, words: readonly string[], flags: ExecFlags) =>
      withVmService(flags, async (client, signal) => {
        const vmId = await findVmId(client, word, signal);
        await execute(
          client,
          { ...(await toRequest(words, flags)), vm_id: vmId },
          { json: flags.json === true, signal },
        );
      }),
    );
  return withExamples(
    command,
    ['fcctl vm exec try -- python3 -c "print(6 * 7)"', 'runs a program with its arguments'],
    ["fcctl vm exec try --shell -- 'ls /usr | wc -l'", 'runs a line of bash'],
  );
}

type Request = Parameters<VmClient['execute']>[0];

async function toRequest(words: readonly string[], flags: ExecFlags): Promise<Request> {
  const optional: Partial<ExecuteRequest> = {
    ...(flags.cwd === undefined ? {} : { working_dir: flags.cwd }),
    ...(flags.env === undefined ? {} : { environment: { ...flags.env } }),
    ...(flags.timeout === undefined ? {} : { timeout_ms: Math.ceil(flags.timeout * 1000) }),
    ...(flags.stdin === true ? { stdin: await text(process.stdin) } : {}),
  };
  return { language: 'bash', code: flags.shell === true ? words.join(' ') : toShellLine(words), ...optional };
}

/** A line of shell that runs exactly these words, whatever is in them. */
const toShellLine = (words: readonly string[]): string =>
  `exec -- ${words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ')}`;

interface ExecuteOptions {
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function execute(client: VmClient, request: Request, { json, signal }: ExecuteOptions): Promise<void> {
  for await (const event of client.execute(request, signal)) {
    if (event.type === 'output-delta' && !json) await writeTo(process[event.stream], event.text);
    if (event.type === 'execution-failed') throw fromErrorBody(event.error);
    if (event.type !== 'execution-finished') continue;
    if (json) await writeTo(process.stdout, `${JSON.stringify(event.result)}\n`);
    return end(event.result);
  }
  throw new BigboxError('VM_UNAVAILABLE', { message: 'The VM service broke off before the command had ended.' });
}

/** Ends as the command in the guest ended: with its exit code, with 128 and its signal, or with the limit that stopped it. */
function end({ outcome, exit_code, signal, truncated, warnings, error_detail }: ExecuteResponse): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  if (truncated) process.stderr.write('warning: the output was cut: there was more than the limit of this service.\n');
  const error = error_detail === undefined ? undefined : fromErrorBody(error_detail);
  if (error !== undefined && (outcome !== 'exited' || exit_code < 0)) throw error;
  if (error !== undefined) process.stderr.write(formatError(error, { debug: false }));
  process.exitCode = signal === undefined ? exit_code : 128 + signal;
}
