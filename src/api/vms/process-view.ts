import { BigboxError, toErrorBody } from '../../contracts/errors.ts';
import type {
  ExecRequest,
  ExecResult,
  ProcessEvent,
  StartProcessRequest,
  VmProcess,
} from '../../contracts/processes.ts';
import type { GuestProcess, OutputReport, ProcessProgram } from '../../vm/index.ts';

type Encoding = 'utf8' | 'base64';

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Reads bytes as they came over the wire. Throws INVALID_REQUEST when they are not in the encoding they claim. */
export function toBytes(text: string, encoding: Encoding): Uint8Array {
  if (encoding === 'base64' && !base64.test(text))
    throw new BigboxError('INVALID_REQUEST', { message: 'The data is not base64.', context: { expected: 'base64' } });
  return Buffer.from(text, encoding);
}

/** Reads what somebody wants to run. A command line is run by bash. */
export function toProgram(request: ExecRequest | StartProcessRequest): ProcessProgram {
  return {
    argv: request.argv ?? ['bash', '-c', request.shell ?? ''],
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    env: request.env,
    user: request.user,
    stdin: toBytes(request.stdin ?? '', request.stdin_encoding),
    keepStdin: 'keep_stdin' in request && request.keep_stdin,
    ...('pty' in request && request.pty !== undefined ? { pty: request.pty } : {}),
    ...(request.timeout_ms === undefined ? {} : { timeoutMs: request.timeout_ms }),
  };
}

const toOutput = ({ output }: GuestProcess): Pick<VmProcess, 'truncated' | 'dropped_bytes'> => ({
  truncated: output.first > 0,
  dropped_bytes: output.first,
});

const toMilliseconds = (ms: number): number => Math.round(ms * 10) / 10;

type EndOfProcess = Pick<ExecResult, 'outcome' | 'exit_code' | 'signal' | 'error_detail'>;

const toEnd = ({ outcome, exitCode, signal, error }: NonNullable<GuestProcess['end']>): EndOfProcess => ({
  outcome,
  exit_code: exitCode,
  ...(signal === undefined ? {} : { signal }),
  ...(error === undefined ? {} : { error_detail: toErrorBody(error) }),
});

function toEnded({ end, startedAt, durationMs }: GuestProcess): Partial<VmProcess> {
  if (end === undefined) return {};
  return {
    ended_at: new Date(startedAt.getTime() + durationMs).toISOString(),
    duration_ms: toMilliseconds(durationMs),
    ...toEnd(end),
    ...(end.usage === undefined
      ? {}
      : {
          cpu_time_ms: end.usage.cpuTimeMs,
          memory_peak_bytes: end.usage.memoryPeakBytes,
          processes_refused: end.usage.processesRefused,
        }),
  };
}

/** Writes a process as it goes over the wire. Its environment is left out: it may hold secrets. */
export function toVmProcess(vmId: string, process: GuestProcess): VmProcess {
  const { id, program, guestPid, startedAt, end, output } = process;
  return {
    id,
    vm_id: vmId,
    argv: [...program.argv],
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    user: program.user,
    guest_pid: guestPid,
    ...(process.terminalSize === undefined ? {} : { pty: process.terminalSize }),
    state: end === undefined ? 'running' : 'ended',
    ...(program.timeoutMs === undefined ? {} : { timeout_ms: program.timeoutMs }),
    started_at: startedAt.toISOString(),
    ...toEnded(process),
    stdout_bytes: output.bytes.stdout,
    stderr_bytes: output.bytes.stderr,
    ...toOutput(process),
    first_offset: output.first,
    next_offset: output.end,
  };
}

/** Writes a process that has run to its end, with what is kept of its output. */
export function toExecResult(process: GuestProcess): ExecResult {
  if (process.end === undefined) throw new Error(`The process ${process.id} has not ended.`);
  return {
    process_id: process.id,
    ...toEnd(process.end),
    stdout: process.output.text('stdout'),
    stderr: process.output.text('stderr'),
    ...toOutput(process),
    duration_ms: toMilliseconds(process.durationMs),
  };
}

/** Writes what a reader of output is told. */
export function toOutputEvent(report: OutputReport, encoding: Encoding): Exclude<ProcessEvent, { type: 'exit' }> {
  const { offset } = report;
  if (report.type === 'dropped')
    return { type: 'output-dropped', offset, next_offset: report.end, bytes: report.end - offset };
  const { stream, data } = report;
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString(encoding);
  return { type: 'output', stream, offset, next_offset: offset + data.length, encoding, data: text };
}
