import type { TerminalSize } from '../../contracts/processes.ts';
import type { Agent, Client } from '../../guest/index.ts';

/** A program to run in a VM until it ends, all of it decided. */
export interface ProcessProgram {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly stdin: Uint8Array;
  readonly keepStdin: boolean;
  /** A terminal of this size instead of pipes. */
  readonly pty?: TerminalSize;
  /** The whole tree is stopped after this; it may run for ever without it. */
  readonly timeoutMs?: number;
}

type AgentClient = Client<typeof Agent>;
type StdinPart = Parameters<AgentClient['stdin']>[0] extends AsyncIterable<infer TPart> ? TPart : never;

const stdinPartBytes = 65_536;

/** Asks the guest to run it. */
export const toRequest = (program: ProcessProgram): Parameters<AgentClient['exec']>[0] => ({
  argv: [...program.argv],
  env: { ...program.env },
  cwd: program.cwd ?? '',
  user: program.user,
  stdin: program.stdin,
  keepStdin: program.keepStdin || program.pty !== undefined,
  ...(program.pty === undefined ? {} : { terminal: { columns: program.pty.cols, rows: program.pty.rows } }),
  limits: { timeoutMs: BigInt(program.timeoutMs ?? 0) },
});

/** Cuts input for the guest. */
export async function* toParts(id: bigint, data: Uint8Array, end: boolean): AsyncGenerator<StdinPart> {
  for (let offset = 0; offset < data.length; offset += stdinPartBytes)
    yield { id, data: data.subarray(offset, offset + stdinPartBytes), end: false };
  if (end) yield { id, data: new Uint8Array(), end: true };
}
