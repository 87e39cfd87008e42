import { z } from 'zod';
import type { CreateVmRequest, CreateVmResponse } from '../../contracts/vms.ts';
import type { VmService } from '../../vm/index.ts';

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

/** Begins to make a VM and answers before it is there, as upstream does. */
export function createVm(service: VmService, wish: CreateVmRequest, idempotencyKey: string | undefined): CreateAnswer {
  const name = wish.vm_name ?? wish.name;
  const { snapshot_id: snapshotId } = wish;
  const vm = service.named.create(
    {
      ...(snapshotId === undefined
        ? { vmType: wish.vm_type }
        : { vmType: service.snapshots.get(snapshotId).vmType, snapshotId }),
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
