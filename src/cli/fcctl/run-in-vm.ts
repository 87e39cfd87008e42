import type { Readable } from 'node:stream';
import { BigboxError } from '../../contracts/errors.ts';
import type { StartProcessRequest, VmProcess } from '../../contracts/processes.ts';
import type { ProcessAddress, VmClient } from '../../sdk/index.ts';

/** A program to run in a VM as if it ran here. */
export interface ProgramInVm {
  readonly vmId: string;
  readonly request: Partial<StartProcessRequest>;
  /** Handed on until the program ends, and destroyed then; the program reads nothing without it. */
  readonly stdin?: Readable;
  /** Called with every byte, in order, and waited for. */
  readonly onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => Promise<void>;
  /** Called with what a person should know and the program did not write. */
  readonly onWarning: (sentence: string) => void;
}

/** How a program ended, and how much of its output was never handed on: it came faster than it was read, for long. */
export interface EndInVm {
  readonly process: VmProcess;
  readonly lostBytes: number;
}

/**
 * Runs a program in a VM to its end; an abort kills it there with all that it started.
 * Throws what keeps it from starting, what the service says, and the signal's reason.
 */
export async function runInVm(client: VmClient, program: ProgramInVm, signal: AbortSignal): Promise<EndInVm> {
  const { vmId, request, stdin } = program;
  // Not aborted: a start that is not waited for leaves a process that nobody knows of.
  const { id: processId } = await client.startProcess(vmId, { ...request, keep_stdin: stdin !== undefined });
  const address = { vmId, processId };
  const ended = new AbortController();
  const stopFeeding = (): void => {
    ended.abort();
    stdin?.destroy();
  };
  try {
    const following = followInVm(client, address, { program, signal }).finally(stopFeeding);
    const [end] = await Promise.all([following, feed(client, address, { program, signal: ended.signal })]);
    return end;
  } catch (error) {
    if (signal.aborted) await client.killProcess(address);
    throw error;
  }
}

interface FollowOptions<TProgram> {
  readonly program: TProgram;
  readonly signal: AbortSignal;
  /** Where to begin in the output; at its very beginning without it. */
  readonly after?: number;
}

/** Hands on the output of a process, what is kept of it and then what comes, to its end. Throws what the service says. */
export async function followInVm(
  client: VmClient,
  address: ProcessAddress,
  { program, signal, after = 0 }: FollowOptions<Pick<ProgramInVm, 'onOutput'>>,
): Promise<EndInVm> {
  let lostBytes = 0;
  for await (const event of client.processOutput(address, { after, encoding: 'base64', signal })) {
    if (event.type === 'exit') return { process: event.process, lostBytes };
    if (event.type === 'output') await program.onOutput(event.stream, Buffer.from(event.data, event.encoding));
    else lostBytes += event.bytes;
  }
  throw new BigboxError('VM_UNAVAILABLE', { message: 'The VM service broke off before the command had ended.' });
}

/** Ends when the input does, when the program does not take more of it, or quietly when the program has ended. */
async function feed(
  client: VmClient,
  address: ProcessAddress,
  { program, signal }: FollowOptions<ProgramInVm>,
): Promise<void> {
  const { stdin, onWarning } = program;
  if (stdin === undefined) return;
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>)
      await client.writeStdin(address, { data: chunk.toString('base64'), encoding: 'base64' });
    await client.writeStdin(address, { end: true });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof BigboxError) || error.code !== 'CONFLICT') throw error;
    const { state } = await client.showProcess(address);
    if (state === 'running') onWarning('the command does not read its input; the rest of it is not handed on.');
  }
}
