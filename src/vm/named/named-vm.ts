import type { BigboxError } from '../../contracts/errors.ts';
import { createVmId, type VmId } from '../../contracts/ids.ts';
import type { VmSize } from '../machine/vm-size.ts';
import { resolveType } from '../pool/vm-types.ts';

/** What happens to a VM when its timeout ends. */
export type TimeoutAction = 'kill' | 'pause';

export interface NamedVmWish {
  readonly vmType: string;
  /** That of every other VM without it; what goes on from a snapshot has the size of the VM that this is of. */
  readonly size?: VmSize;
  readonly name?: string;
  readonly agentId?: string;
  /** Go on from this snapshot instead of a fresh clone. */
  readonly snapshotId?: string;
  /** The VM that the snapshot is a copy of, made for this one. */
  readonly forkedFrom?: string;
  /** Labels of the caller's, for finding the VM again. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What every program of the VM finds in its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Counted from when the VM is ready; without it the VM lives until it is deleted. */
  readonly timeoutMs?: number;
  /** `kill` without it. */
  readonly onTimeout?: TimeoutAction;
}

/** What is known of a VM that somebody asked for and that lives until it is deleted. */
export interface NamedVm {
  readonly id: VmId;
  readonly size: VmSize;
  readonly name: string;
  readonly vmType: string;
  readonly requestedVmType: string;
  readonly agentId?: string;
  readonly snapshotId?: string;
  readonly forkedFrom?: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** May hold secrets: for its programs, never for an answer. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  readonly onTimeout: TimeoutAction;
  /** When the timeout ends; absent without one, and while the VM does not run. */
  readonly expiresAt: Date | undefined;
  readonly createdAt: Date;
  readonly state: 'booting' | 'ready' | 'paused' | 'stopped' | 'failed';
  readonly updatedAt: Date;
  readonly lastActivity?: Date;
  readonly error?: BigboxError;
}

/** The first state of a VM that somebody wishes for, with the size given here where the wish has none. Throws VM_TEMPLATE_UNKNOWN. */
export function toNamedVm(wish: NamedVmWish, { now, size }: { readonly now: Date; readonly size: VmSize }): NamedVm {
  const id = createVmId();
  return {
    id,
    size: wish.size ?? size,
    name: wish.name ?? id,
    vmType: resolveType(wish.vmType),
    requestedVmType: wish.vmType,
    ...(wish.agentId === undefined ? {} : { agentId: wish.agentId }),
    ...(wish.snapshotId === undefined ? {} : { snapshotId: wish.snapshotId }),
    ...(wish.forkedFrom === undefined ? {} : { forkedFrom: wish.forkedFrom }),
    metadata: wish.metadata ?? {},
    environment: wish.environment ?? {},
    timeoutMs: wish.timeoutMs,
    onTimeout: wish.onTimeout ?? 'kill',
    expiresAt: undefined,
    createdAt: now,
    updatedAt: now,
    state: 'booting',
  };
}
