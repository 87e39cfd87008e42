import type { z } from 'zod';
import {
  archiveType,
  type CollectSnapshotsRequest,
  CollectSnapshotsResponse,
  type CreateSnapshotRequest,
  SnapshotList,
  VmSnapshot,
} from '../contracts/vms.ts';
import { type ConnectionOptions, type Keyed, type RequestOptions, send, toCreation } from './http.ts';

/** The snapshots of VMs. Everything throws the server's errors (VM_SNAPSHOT_NOT_FOUND, DISK_LIMIT_EXCEEDED, DISK_FULL) and SERVICE_NOT_RUNNING. */
export interface SnapshotClient {
  /** Answers when the snapshot is on the disk. */
  createSnapshot(
    vmId: string,
    wish: Keyed<z.infer<typeof CreateSnapshotRequest>>,
    signal: AbortSignal,
  ): Promise<VmSnapshot>;
  /** All, or those that were made of one VM. */
  listSnapshots(filter: { readonly vmId?: string }, signal: AbortSignal): Promise<readonly VmSnapshot[]>;
  deleteSnapshot(id: string, signal: AbortSignal): Promise<void>;
  /** A snapshot with everything that it needs but the image, as one file. */
  exportSnapshot(id: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Keeps what was exported, under a new id. */
  importSnapshot(archive: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<VmSnapshot>;
  /** Removes those whose time is over, and older ones where that is asked; a dry run only tells. */
  collectSnapshots(
    wish: z.input<typeof CollectSnapshotsRequest>,
    signal: AbortSignal,
  ): Promise<CollectSnapshotsResponse>;
}

/** Creates a client of the snapshots of VMs at an address. */
export function createSnapshotClient(connection: ConnectionOptions): SnapshotClient {
  const call = async (path: string, options: RequestOptions): Promise<unknown> =>
    (await send(connection, path, options)).json();
  return {
    async createSnapshot(vmId, wish, signal) {
      const path = `/api/v1/vms/${encodeURIComponent(vmId)}/snapshots`;
      return VmSnapshot.parse(await call(path, { ...toCreation(wish), signal }));
    },
    async listSnapshots({ vmId }, signal) {
      const query = vmId === undefined ? '' : `?${new URLSearchParams({ vm_id: vmId }).toString()}`;
      return SnapshotList.parse(await call(`/api/v1/snapshots${query}`, { signal })).snapshots;
    },
    async deleteSnapshot(id, signal) {
      await call(`/api/v1/snapshots/${encodeURIComponent(id)}`, { method: 'DELETE', signal });
    },
    async exportSnapshot(id, signal) {
      const response = await send(connection, `/api/v1/snapshots/${encodeURIComponent(id)}/archive`, { signal });
      return response.body ?? new ReadableStream();
    },
    async importSnapshot(archive, signal) {
      const stream = { type: archiveType, content: archive };
      return VmSnapshot.parse(await call('/api/v1/snapshots/import', { method: 'POST', stream, signal }));
    },
    async collectSnapshots(wish, signal) {
      const answer = await call('/api/v1/snapshots/gc', { method: 'POST', body: wish, signal });
      return CollectSnapshotsResponse.parse(answer);
    },
  };
}
