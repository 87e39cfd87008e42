import { z } from 'zod';
import {
  CollectSnapshotsRequest,
  CollectSnapshotsResponse,
  CreateSnapshotRequest,
  DeleteSnapshotResponse,
  SnapshotList,
  SnapshotListQuery,
  VmSnapshot,
} from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toSnapshot } from './present.ts';
import { addSnapshotArchiveRoutes } from './snapshot-archives.ts';
import { IdempotencyHeaders } from './create-vm.ts';

const IdPath = z.object({ id: z.string().max(64) });

function addCreation(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/snapshots',
    schema: {
      summary: 'Make a snapshot of a VM',
      description:
        'Memory, devices and disk of one moment. The VM stands still meanwhile and goes on, or stays paused. Answers when the snapshot is on the disk.',
      tags: ['snapshots'],
      params: IdPath,
      headers: IdempotencyHeaders,
      body: CreateSnapshotRequest.nullish(),
      response: { 200: VmSnapshot },
    },
    handler: async (request) => {
      const { name, metadata, ttl_seconds: seconds } = request.body ?? {};
      const wish = {
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata }),
        ...(seconds === undefined ? {} : { keepMs: seconds * 1000 }),
      };
      return toSnapshot(await service.snapshot(request.params.id, wish, request.headers['idempotency-key']));
    },
  });
}

function addCollection(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/v1/snapshots/gc',
    schema: {
      summary: 'Remove snapshots that nobody needs any more',
      description:
        'Those whose time is over, those without a record that can be read, and those that are older than is asked. Expired ones go by themselves within a minute, too.',
      tags: ['snapshots'],
      body: CollectSnapshotsRequest.nullish(),
      response: { 200: CollectSnapshotsResponse },
    },
    handler: async (request) => {
      const { dry_run: dryRun, older_than_seconds: seconds } = CollectSnapshotsRequest.parse(request.body ?? {});
      const wish = { dryRun, ...(seconds === undefined ? {} : { olderThanMs: seconds * 1000 }) };
      const { removed, freedBytes } = await service.snapshots.collect(wish);
      return { removed: removed.map((one) => ({ ...one })), freed_bytes: freedBytes, dry_run: dryRun };
    },
  });
}

/** Adds making, listing, showing, deleting and collecting snapshots of VMs. */
export function addSnapshotRoutes(app: HttpServer, service: VmService): void {
  const tags = ['snapshots'];
  const url = '/api/v1/snapshots';
  addCreation(app, service);
  addCollection(app, service);
  addSnapshotArchiveRoutes(app, service);
  app.route({
    method: 'GET',
    url,
    schema: {
      summary: 'List snapshots',
      tags,
      querystring: SnapshotListQuery,
      response: { 200: SnapshotList },
    },
    handler: async (request) => {
      const { vm_id: vmId } = request.query;
      const found = service.snapshots.list().filter((snapshot) => vmId === undefined || snapshot.vmId === vmId);
      const used = service.snapshots.usedBytes();
      return { total: found.length, snapshots: found.map(toSnapshot), used_bytes: used };
    },
  });
  app.route({
    method: 'GET',
    url: `${url}/:id`,
    schema: { summary: 'Show a snapshot', tags, params: IdPath, response: { 200: VmSnapshot } },
    handler: async (request) => toSnapshot(service.snapshots.get(request.params.id)),
  });
  app.route({
    method: 'DELETE',
    url: `${url}/:id`,
    schema: {
      summary: 'Delete a snapshot',
      description: 'VMs that were made from it go on.',
      tags,
      params: IdPath,
      response: { 200: DeleteSnapshotResponse },
    },
    handler: async (request) => {
      await service.snapshots.delete(request.params.id);
      return { id: request.params.id, status: 'deleted' as const };
    },
  });
}
