import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';
import { abortable } from '../../lib/async.ts';
import type { VirtualMachine } from './virtual-machine.ts';

/** A broken connection is seen a moment before the end of the process that caused it. */
const lossDelayMs = 300;
const refusals: readonly Code[] = [Code.InvalidArgument, Code.NotFound, Code.FailedPrecondition, Code.PermissionDenied];

/** Says that a guest does not answer any more, and why this is believed. */
export const toUnreachable = (vm: VirtualMachine, reason: string, cause: unknown): BigboxError =>
  new BigboxError('GUEST_UNREACHABLE', {
    message: `The guest does not answer: ${reason}.`,
    context: { vm_id: vm.id },
    cause,
  });

/**
 * Explains why a call to a guest's agent failed: VM_LOST where the VM died, INVALID_REQUEST where the guest refused,
 * LIMIT_EXCEEDED where it has no room, GUEST_UNREACHABLE else.
 */
export async function toGuestFailure(error: unknown, vm: VirtualMachine): Promise<BigboxError> {
  const { code, rawMessage } = ConnectError.from(error);
  const context = { vm_id: vm.id };
  if (refusals.includes(code))
    return new BigboxError('INVALID_REQUEST', { message: `The guest refused the execution: ${rawMessage}.`, context });
  if (code === Code.ResourceExhausted)
    return new BigboxError('LIMIT_EXCEEDED', { message: `The guest has no room: ${rawMessage}.`, context });
  const lost = await abortable(vm.lost, AbortSignal.timeout(lossDelayMs)).catch(() => undefined);
  return lost ?? toUnreachable(vm, rawMessage, error);
}
