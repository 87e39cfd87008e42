import type { VmProcess } from '../../../src/contracts/processes.ts';

/** The command line as somebody would have typed it, one that bash runs without the words around it. */
export function commandOf({ argv }: Pick<VmProcess, 'argv'>): string {
  const [program, flag, line] = argv;
  if (program === 'bash' && flag === '-c' && line !== undefined && argv.length === 3) return line;
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}

const outcomes: Readonly<Record<NonNullable<VmProcess['outcome']>, string>> = {
  exited: 'exit',
  signalled: 'ended by',
  killed: 'killed',
  'timed-out': 'out of time',
  'out-of-memory': 'out of memory',
  'vm-lost': 'its VM died',
  'vm-stopped': 'its VM was stopped',
};

/** How a process is, in few words: `running`, `exit 0`, `ended by SIGTERM`. */
export function describeState({ outcome, exit_code: code, signal }: VmProcess): string {
  if (outcome === undefined) return 'running';
  const word = outcomes[outcome];
  if (outcome === 'exited') return `${word} ${code ?? '?'}`;
  return outcome === 'signalled' ? `${word} ${signal ?? 'a signal'}` : word;
}
