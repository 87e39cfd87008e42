import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import type { SnapshotId } from '../../contracts/ids.ts';
import { StoredSize, type VmSize } from '../machine/vm-size.ts';
import { StoredRequest } from '../idempotency-keys.ts';

export interface SnapshotWish {
  readonly vmId: string;
  readonly vmType: string;
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** After so long it is removed; without it, it lives until it is deleted. */
  readonly keepMs?: number;
}

/** The record of a snapshot, as it is on the disk. */
export const StoredSnapshot = z.object({
  id: z
    .string()
    .regex(/^snap-[0-9a-f]{16}$/)
    .transform((id) => id as SnapshotId),
  name: z.string(),
  vmId: z.string(),
  vmType: z.string(),
  /** Of the VM that it was made of. */
  size: StoredSize,
  metadata: z.record(z.string(), z.string()),
  createdAt: z.coerce.date(),
  expiresAt: z.coerce.date().optional(),
  bytes: z.number(),
  request: StoredRequest.exactOptional(),
});

/** What is known of a snapshot that somebody asked for and that lives until it is deleted or has expired. */
export type KeptSnapshot = Readonly<Omit<z.infer<typeof StoredSnapshot>, 'request'>>;

export const isExpired = ({ expiresAt }: KeptSnapshot, now: number): boolean =>
  expiresAt !== undefined && expiresAt.getTime() <= now;

/** What is written down of a snapshot that was just made. */
export function toKept(
  id: SnapshotId,
  wish: SnapshotWish,
  { now, bytes, size }: { now: number; bytes: number; size: VmSize },
): KeptSnapshot {
  return {
    id,
    name: wish.name ?? id,
    vmId: wish.vmId,
    vmType: wish.vmType,
    size: { vcpus: size.vcpus, memoryMib: size.memoryMib },
    metadata: wish.metadata ?? {},
    createdAt: new Date(now),
    ...(wish.keepMs === undefined ? {} : { expiresAt: new Date(now + wish.keepMs) }),
    bytes,
  };
}

export const snapshotNotFound = (id: string): BigboxError =>
  new BigboxError('VM_SNAPSHOT_NOT_FOUND', {
    message: `There is no snapshot ${id.slice(0, 64)}.`,
    context: { snapshot_id: id.slice(0, 64) },
  });
