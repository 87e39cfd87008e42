import {
  type ExecRequest,
  ExecResult,
  ProcessEvent,
  type SignalName,
  StdinAnswer,
  type StartProcessRequest,
  type StdinRequest,
  type TerminalSize,
  VmProcess,
  VmProcessList,
} from '../contracts/processes.ts';
import { BigboxError } from '../contracts/errors.ts';
import { type Attachment, attach } from './attachment.ts';
import { readEvents } from './event-stream.ts';
import { type ConnectionOptions, send } from './http.ts';

/** One process of one VM. */
export interface ProcessAddress {
  readonly vmId: string;
  readonly processId: string;
}

/** Where a reading of output begins and ends. */
export interface OutputOptions {
  /** The `next_offset` to go on at; the oldest output that is kept without it. */
  readonly after?: number;
  readonly encoding?: 'utf8' | 'base64';
  readonly signal: AbortSignal;
  /** How long a broken connection is taken up again without an answer. One minute without it. */
  readonly patienceMs?: number;
}

/** The processes of VMs. Every method throws the server's own errors, and SERVICE_NOT_RUNNING when nothing answers. */
export interface ProcessClient {
  /** Starts a program and answers as soon as it runs; it goes on when the caller leaves. */
  startProcess(vmId: string, request: Partial<StartProcessRequest>, signal?: AbortSignal): Promise<VmProcess>;
  listProcesses(vmId: string, signal?: AbortSignal): Promise<VmProcessList>;
  showProcess(address: ProcessAddress, signal?: AbortSignal): Promise<VmProcess>;
  /** The output of a process, recorded and then live, up to its `exit`. A lost connection is taken up again where it broke off. */
  processOutput(address: ProcessAddress, options: OutputOptions): AsyncIterable<ProcessEvent>;
  /** Connects to input and output of a process, most of all of one with a terminal. Aborting closes the connection only. */
  attachProcess(address: ProcessAddress, options: Pick<OutputOptions, 'after' | 'signal'>): Promise<Attachment>;
  /** Changes the size of the terminal of a process. */
  resizeProcess(address: ProcessAddress, size: TerminalSize): Promise<void>;
  signalProcess(
    address: ProcessAddress,
    request: { readonly signal: SignalName; readonly tree?: boolean },
  ): Promise<void>;
  /** Kills the whole tree and answers when nothing of it is left. */
  killProcess(address: ProcessAddress): Promise<VmProcess>;
  /** Writes to standard input that was kept open; answers with the number of bytes. */
  writeStdin(address: ProcessAddress, request: Partial<StdinRequest>): Promise<number>;
  /** Runs a program to its end. Aborting kills it with all that it started. */
  exec(vmId: string, request: Partial<ExecRequest>, signal: AbortSignal): Promise<ExecResult>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const processesPath = (vmId: string): string => `/api/v1/vms/${encodeURIComponent(vmId)}/processes`;
const processPath = ({ vmId, processId }: ProcessAddress): string =>
  `${processesPath(vmId)}/${encodeURIComponent(processId)}`;

/** What one connection tells; the last event is an `exit` unless it broke. Throws the error that the server ends it with. */
const readOnce = (connection: ConnectionOptions, path: string, signal: AbortSignal): AsyncGenerator<ProcessEvent> =>
  readEvents(connection, { path, parse: (json) => ProcessEvent.parse(json) }, signal);

async function* follow(
  connection: ConnectionOptions,
  address: ProcessAddress,
  { after = 0, encoding = 'utf8', signal, patienceMs = 60_000 }: OutputOptions,
): AsyncGenerator<ProcessEvent, void> {
  let offset = after;
  let lastAnswer = Date.now();
  for (;;) {
    try {
      const path = `${processPath(address)}/output?after=${offset}&encoding=${encoding}`;
      for await (const event of readOnce(connection, path, signal)) {
        lastAnswer = Date.now();
        yield event;
        if (event.type === 'exit') return;
        offset = event.next_offset;
      }
    } catch (error) {
      signal.throwIfAborted();
      const isLost = error instanceof TypeError || (error instanceof BigboxError && error.retry === 'later');
      if (!isLost || Date.now() - lastAnswer > patienceMs) throw error;
    }
    await pause(500);
    signal.throwIfAborted();
  }
}

/** Creates a client of the processes of VMs at an address. */
export function createProcessClient(connection: ConnectionOptions): ProcessClient {
  const get = async (path: string, signal?: AbortSignal): Promise<unknown> =>
    (await send(connection, path, signal === undefined ? {} : { signal })).json();
  const post = async (path: string, body: unknown, signal?: AbortSignal): Promise<unknown> =>
    (await send(connection, path, { method: 'POST', body, ...(signal === undefined ? {} : { signal }) })).json();
  return {
    startProcess: async (vmId, request, signal) => VmProcess.parse(await post(processesPath(vmId), request, signal)),
    listProcesses: async (vmId, signal) => VmProcessList.parse(await get(processesPath(vmId), signal)),
    showProcess: async (address, signal) => VmProcess.parse(await get(processPath(address), signal)),
    processOutput: (address, options) => follow(connection, address, options),
    attachProcess: ({ vmId, processId }, { after, signal }) => {
      const path = `${processPath({ vmId, processId })}/attach`;
      return attach(connection, after === undefined ? path : `${path}?after=${after}`, signal);
    },
    resizeProcess: async (address, size) => void (await post(`${processPath(address)}/resize`, size)),
    signalProcess: async (address, request) => void (await post(`${processPath(address)}/signal`, request)),
    killProcess: async (address) =>
      VmProcess.parse(await (await send(connection, processPath(address), { method: 'DELETE' })).json()),
    writeStdin: async (address, request) =>
      StdinAnswer.parse(await post(`${processPath(address)}/stdin`, request)).bytes,
    exec: async (vmId, request, signal) =>
      ExecResult.parse(await post(`/api/v1/vms/${encodeURIComponent(vmId)}/exec`, request, signal)),
  };
}
