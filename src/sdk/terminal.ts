import type { ExecRequest, StartProcessRequest } from '../contracts/processes.ts';
import type { ProcessAddress, ProcessClient } from './processes.ts';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface TerminalWish extends TerminalSize {
  /** `sandbox` without it. */
  readonly user?: string;
  /** A line of bash to run instead of an interactive shell. */
  readonly line?: string;
}

/** Where the shell leaves the name of its terminal, so that its size can be set from outside. */
const nameFile = '/tmp/.terminal-$$';
const shortestQuietMs = 8;

/**
 * A shell on a terminal of its own in the guest: `script` makes the terminal, hands input on to it and writes what it shows. Its
 * standard input must be kept open.
 */
export function toTerminalProgram({ rows, columns, user, line }: TerminalWish): Partial<StartProcessRequest> {
  const inside = line === undefined ? 'exec bash -i' : `exec bash -c "$TERMINAL_LINE"`;
  // The process id of the outer shell is that of the process, whom the caller can name later.
  const begin = `tty > "$TERMINAL_NAME"; stty rows ${rows} cols ${columns}; ${inside}`;
  return {
    shell: `export TERMINAL_NAME=${nameFile}; script -qefc ${quote(begin)} /dev/null; code=$?; rm -f "$TERMINAL_NAME"; exit $code`,
    env: { TERM: 'xterm-256color', ...(line === undefined ? {} : { TERMINAL_LINE: line }) },
    keep_stdin: true,
    ...(user === undefined ? {} : { user }),
  };
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** What sets the size of the terminal of a process; the program in it is told by SIGWINCH. */
const toResize = (guestPid: number, { rows, columns }: TerminalSize): Partial<ExecRequest> => ({
  shell: `stty -F "$(cat ${nameFile.replace('$$', String(guestPid))})" rows ${rows} cols ${columns}`,
  user: 'root',
  timeout_ms: 10_000,
});

/** The keyboard's side of a terminal. Everything throws the server's errors through `failed`. */
export interface TerminalInput {
  /** What is typed goes out in its order, what comes while a call is under way in one piece. */
  readonly type: (text: string) => void;
  /** The last size wins. */
  readonly resize: (size: TerminalSize) => void;
  /** Rejects with the first call that failed. */
  readonly failed: Promise<never>;
}

/** Speaks to the terminal of a process that `toTerminalProgram` describes. */
export function createTerminalInput(
  client: Pick<ProcessClient, 'writeStdin' | 'exec'>,
  address: ProcessAddress,
  guestPid: number,
): TerminalInput {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  let waiting = '';
  let size: TerminalSize | undefined;
  let isBusy = false;
  const work = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      await new Promise((resolve) => setTimeout(resolve, shortestQuietMs));
      while (waiting !== '' || size !== undefined) {
        const [data, next] = [waiting, size];
        waiting = '';
        size = undefined;
        if (data !== '') await client.writeStdin(address, { data });
        if (next !== undefined) await client.exec(address.vmId, toResize(guestPid, next), AbortSignal.timeout(20_000));
      }
    } catch (error) {
      reject(error);
    } finally {
      isBusy = false;
    }
  };
  return {
    failed,
    type(text) {
      waiting += text;
      void work();
    },
    resize(next) {
      size = next;
      void work();
    },
  };
}

/** Whether a process is one that `toTerminalProgram` described. */
export const isTerminal = ({ argv }: { readonly argv: readonly string[] }): boolean =>
  argv[2]?.startsWith('export TERMINAL_NAME=') === true;
