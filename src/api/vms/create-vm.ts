import { z } from 'zod';
import type { CreateVmRequest, CreateVmResponse } from '../../contracts/vms.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { isSameSize, type NamedVmWish, type VmService } from '../../vm/index.ts';

/** A creating call that is sent again with the same key gives what the first one made. */
export const IdempotencyHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Chosen by the caller; the same key with the same body gives what it made before, with another body CONFLICT',
    ),
});

type CreateAnswer = z.infer<typeof CreateVmResponse>;

/** What the VM begins as. Throws INVALID_REQUEST where a snapshot is to have another size than it has. */
function toOrigin(
  service: VmService,
  wish: CreateVmRequest,
): Pick<NamedVmWish, 'vmType' | 'size'> & Partial<Pick<NamedVmWish, 'snapshotId'>> {
  const { vm_type: vmType, snapshot_id: snapshotId } = wish;
  const of = snapshotId === undefined ? undefined : service.snapshots.get(snapshotId);
  const own = of?.size ?? service.size;
  const size = { vcpus: wish.vcpus ?? own.vcpus, memoryMib: wish.memory_mb ?? own.memoryMib };
  if (of === undefined) return { vmType, size };
  if (isSameSize(size, own)) return { vmType: of.vmType, size, snapshotId: of.id };
  throw new BigboxError('INVALID_REQUEST', {
    message: `What goes on from the snapshot ${of.id} has its size: ${own.vcpus} processors and ${own.memoryMib} MiB, not ${size.vcpus} and ${size.memoryMib}.`,
    context: { snapshot_id: of.id, ...size },
    remedy: 'Leave vcpus and memory_mb out.',
  });
}

/** Begins to make a VM and answers before it is there, as upstream does. */
export function createVm(service: VmService, wish: CreateVmRequest, idempotencyKey: string | undefined): CreateAnswer {
  const name = wish.vm_name ?? wish.name;
  const vm = service.named.create(
    {
      ...toOrigin(service, wish),
      ...(name === undefined ? {} : { name }),
      ...(wish.agent_id === undefined ? {} : { agentId: wish.agent_id }),
      ...(wish.metadata === undefined ? {} : { metadata: wish.metadata }),
      ...(wish.env === undefined ? {} : { environment: wish.env }),
      ...(wish.timeout_seconds === undefined ? {} : { timeoutMs: wish.timeout_seconds * 1000 }),
      onTimeout: wish.on_timeout,
    },
    idempotencyKey,
  );
  return {
    id: vm.id,
    name: vm.name,
    status: 'Creating',
    vm_type: vm.vmType,
    requested_vm_type: vm.requestedVmType,
    created_at: vm.createdAt.toISOString(),
  };
}
