import { constants } from 'node:os';
import { BigboxError, fromErrorBody } from '../../contracts/errors.ts';
import type { EndInVm } from './run-in-vm.ts';

/** Gives what a shell would: the code, or 128 and the signal. Throws what else ended the command: a limit, its VM, somebody. */
export function toExitCode({ process: ended, lostBytes }: EndInVm): number {
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
