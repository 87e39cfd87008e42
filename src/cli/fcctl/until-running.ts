import { setTimeout as wait } from 'node:timers/promises';
import { BigboxError, fromErrorBody } from '../../contracts/errors.ts';
import type { Vm } from '../../contracts/vms.ts';
import type { VmClient } from '../../sdk/index.ts';

const patienceMs = 120_000;
const pauseMs = 100;

/**
 * Waits until commands can run in a VM. One that does not come up in time is left as it is: it may still, and fcctl vm show tells.
 * Throws what made it fail, VM_UNAVAILABLE after two minutes.
 */
export async function untilRunning(client: VmClient, id: string, signal: AbortSignal): Promise<Vm> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const vm = await client.vm(id, signal);
    if (vm.status === 'running') return vm;
    if (vm.status === 'failed') throw fromErrorBody(vm.error_detail);
    if (performance.now() > deadline)
      throw new BigboxError('VM_UNAVAILABLE', {
        message: `The VM ${id} is ${vm.status} after ${patienceMs / 1000} s.`,
        context: { vm_id: id },
      });
    await wait(pauseMs, undefined, { signal });
  }
}
