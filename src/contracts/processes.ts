import { z } from 'zod';
import { ErrorBody } from './errors.ts';

const withoutNul = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine((text) => !text.includes('\0'), 'expected text without NUL characters');

const Encoding = z.enum(['utf8', 'base64']).default('utf8');
const maxArgumentLength = 131_072;

const programFields = {
  argv: z
    .array(withoutNul(maxArgumentLength))
    .min(1)
    .max(1000)
    .optional()
    .describe('Program and arguments; a name without a slash is looked up in PATH. Either this or shell'),
  shell: withoutNul(maxArgumentLength).min(1).optional().describe('Command line that bash runs. Either this or argv'),
  cwd: withoutNul(4096).startsWith('/').optional().describe("Absolute path. Default: the user's home"),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), withoutNul(maxArgumentLength))
    .default({})
    .describe('Added to PATH, HOME, USER, LOGNAME, SHELL and LANG'),
  user: z
    .string()
    .regex(/^(?:[a-z_][a-z0-9_-]{0,31}|\d{1,10})$/)
    .default('sandbox')
    .describe('Name or number of a user in the guest; sandbox has no rights, root has all'),
  stdin: z.string().optional().describe('Written to standard input first'),
  stdin_encoding: Encoding,
};

const namesOneProgram = (wish: { argv?: unknown; shell?: unknown }): boolean =>
  (wish.argv === undefined) !== (wish.shell === undefined);
const oneProgram = 'expected either argv or shell';

const side = z.number().int().min(1).max(10_000);
/** Size of a terminal in characters. */
export const TerminalSize = z.object({ cols: side, rows: side });
export type TerminalSize = z.infer<typeof TerminalSize>;

/** Asks for a program to be started in a VM; it goes on when the caller leaves. */
export const StartProcessRequest = z
  .object({
    ...programFields,
    pty: TerminalSize.optional().describe(
      'Give it a terminal of this size: all output is stdout, and input stays open. Default: pipes',
    ),
    keep_stdin: z.boolean().default(false).describe('Leave standard input open for POST .../stdin'),
    timeout_ms: z
      .number()
      .int()
      .positive()
      .max(604_800_000)
      .optional()
      .describe('The whole tree is stopped after this. Default: never'),
  })
  .refine(namesOneProgram, oneProgram);
export type StartProcessRequest = z.infer<typeof StartProcessRequest>;

/** Longer than this nobody waits for an answer: clients and proxies give up after five minutes without one. */
export const maxExecTimeoutMs = 240_000;

/** Asks for a program to be run to its end. Longer work is started as a process. */
export const ExecRequest = z
  .object({
    ...programFields,
    timeout_ms: z
      .number()
      .int()
      .positive()
      .max(maxExecTimeoutMs)
      .optional()
      .describe('The whole tree is stopped after this. Default: the time limit of the service'),
  })
  .refine(namesOneProgram, oneProgram);
export type ExecRequest = z.infer<typeof ExecRequest>;

/**
 * How a process ended: by itself, by a signal, by DELETE (`killed`), by a limit, or with its VM, which died (`vm-lost`) or was
 * deleted or stopped (`vm-stopped`).
 */
export const ProcessOutcome = z.enum([
  'exited',
  'signalled',
  'killed',
  'timed-out',
  'out-of-memory',
  'vm-lost',
  'vm-stopped',
]);
export type ProcessOutcome = z.infer<typeof ProcessOutcome>;

const endFields = {
  outcome: ProcessOutcome,
  exit_code: z.number().int().describe('-1 where the program did not exit by itself'),
  signal: z.string().optional().describe('Name of the signal that ended it, like SIGTERM'),
  error_detail: ErrorBody.optional().describe('Where a limit or its VM ended it'),
};

const outputFields = {
  truncated: z.boolean().describe('The oldest output is no longer kept'),
  dropped_bytes: z.number().int().describe('Bytes of both streams that are no longer kept'),
};

/** One process of a VM. What belongs to its end is there once it has ended. */
export const VmProcess = z.object({
  id: z.string(),
  vm_id: z.string(),
  argv: z.array(z.string()).describe('Also for a command line: bash, -c and the line'),
  cwd: z.string().optional(),
  user: z.string(),
  guest_pid: z.number().int(),
  pty: TerminalSize.optional().describe('Size of its terminal; absent where it has pipes'),
  state: z.enum(['running', 'ended']),
  timeout_ms: z.number().int().optional(),
  started_at: z.string(),
  ended_at: z.string().optional(),
  duration_ms: z.number().optional(),
  outcome: endFields.outcome.optional(),
  exit_code: endFields.exit_code.optional(),
  signal: endFields.signal,
  error_detail: endFields.error_detail,
  stdout_bytes: z.number().int().describe('Written so far, also what is no longer kept'),
  stderr_bytes: z.number().int(),
  ...outputFields,
  first_offset: z.number().int().describe('Position of the oldest output that is kept'),
  next_offset: z.number().int().describe('Position behind the newest output'),
  cpu_time_ms: z.number().optional().describe('Of the whole tree'),
  memory_peak_bytes: z.number().int().optional(),
  processes_refused: z.number().int().optional().describe('Times that the tree wanted more processes than it may have'),
});
export type VmProcess = z.infer<typeof VmProcess>;

export const VmProcessList = z.object({
  processes: z.array(VmProcess).describe('In the order of their start; of those that ended, only the last are kept'),
  running: z.number().int(),
  max_running: z.number().int(),
});
export type VmProcessList = z.infer<typeof VmProcessList>;

const span = {
  offset: z.number().int().describe('Position of the first byte in the output of both streams together'),
  next_offset: z.number().int().describe('Where to go on; also the id of the server-sent event'),
};

/** The stream of a process: its output in order, gaps where output is no longer kept, and exactly one exit at the end. */
export const ProcessEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('output'),
    stream: z.enum(['stdout', 'stderr']),
    ...span,
    encoding: z.enum(['utf8', 'base64']),
    data: z.string().describe('Whole characters where the encoding is utf8; what is no text becomes U+FFFD'),
  }),
  z.object({ type: z.literal('output-dropped'), ...span, bytes: z.number().int() }),
  z.object({ type: z.literal('exit'), process: VmProcess }),
]);
export type ProcessEvent = z.infer<typeof ProcessEvent>;

export const ProcessOutputQuery = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe('The next_offset to go on at'),
  encoding: Encoding,
});

const signalNames = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGABRT',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGTERM',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGWINCH',
] as const;
const SignalName = z.enum(signalNames);
export type SignalName = z.infer<typeof SignalName>;

export const SignalRequest = z.object({
  signal: SignalName,
  tree: z.boolean().default(false).describe('Every process of the tree instead of the first one'),
});
export type SignalRequest = z.infer<typeof SignalRequest>;

export const StdinRequest = z.object({
  data: z.string().default(''),
  encoding: Encoding,
  end: z.boolean().default(false).describe('Close standard input after the data'),
});
export type StdinRequest = z.infer<typeof StdinRequest>;
export const StdinAnswer = z.object({ bytes: z.number().int() });

export const AttachQuery = ProcessOutputQuery.pick({ after: true });

/** What a client of an attached process sends in text frames; its binary frames are standard input. */
export const AttachOrder = z.discriminatedUnion('type', [
  TerminalSize.extend({ type: z.literal('resize') }),
  z.object({ type: z.literal('signal'), signal: SignalName }),
  z.object({ type: z.literal('end') }).describe('Ends standard input; a terminal is sent its end-of-file character'),
]);
export type AttachOrder = z.infer<typeof AttachOrder>;

/** What a client of an attached process is told in text frames; binary frames are output. */
export const AttachReport = z.discriminatedUnion('type', [
  z.object({ type: z.literal('attached'), offset: z.number().int(), process: VmProcess }),
  z.object({ type: z.literal('dropped'), ...span }),
  z.object({ type: z.literal('exit'), process: VmProcess }),
  z.object({ type: z.literal('error'), error: ErrorBody }).describe('A frame was not obeyed; the connection goes on'),
]);
export type AttachReport = z.infer<typeof AttachReport>;

/** A program that has run to its end. */
export const ExecResult = z.object({
  process_id: z.string(),
  ...endFields,
  stdout: z.string(),
  stderr: z.string(),
  ...outputFields,
  duration_ms: z.number(),
});
export type ExecResult = z.infer<typeof ExecResult>;
