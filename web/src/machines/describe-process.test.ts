import { describe, expect, test } from 'vitest';
import type { VmProcess } from '../../../src/contracts/processes.ts';
import { commandOf, describeState } from './describe-process.ts';

describe('commandOf()', () => {
  test('shows a line of bash as it is, and quotes words that a shell would take apart', () => {
    expect(commandOf({ argv: ['bash', '-c', 'ls | wc -l'] })).toBe('ls | wc -l');
    expect(commandOf({ argv: ['python3', '-c', "print('a b')", '--x=1'] })).toBe(
      String.raw`python3 -c 'print('\''a b'\'')' --x=1`,
    );
  });
});

describe('describeState()', () => {
  test('says how a process ended', () => {
    const ends: readonly Partial<VmProcess>[] = [
      {},
      { outcome: 'exited', exit_code: 3 },
      { outcome: 'signalled', exit_code: -1, signal: 'SIGTERM' },
      { outcome: 'timed-out', exit_code: -1 },
    ];
    expect(ends.map((end) => describeState(end as VmProcess))).toEqual([
      'running',
      'exit 3',
      'ended by SIGTERM',
      'out of time',
    ]);
  });
});
