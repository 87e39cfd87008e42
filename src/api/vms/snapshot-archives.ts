import { Readable } from 'node:stream';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { archiveType, VmSnapshot } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toSnapshot } from './present.ts';

/** Adds the export of snapshots to one file each, and their import. */
export function addSnapshotArchiveRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url: '/api/v1/snapshots/:id/archive',
    exposeHeadRoute: false,
    schema: {
      summary: 'Export a snapshot to one file',
      description:
        'A compressed tar archive with everything that the snapshot needs but the image of its VM type. It holds the memory of the VM: whatever was secret there is in it.',
      tags: ['snapshots'],
      params: z.object({ id: z.string().max(64) }),
    },
    handler: async ({ params }, reply) => {
      const archive = await service.archives.export(params.id);
      reply.type(archiveType).header('content-disposition', `attachment; filename="${params.id}.tar.gz"`);
      return reply.send(archive);
    },
  });
  void app.register((scope: HttpServer, _options, done) => {
    scope.addContentTypeParser(archiveType, (_request, body, parsed) => parsed(null, body));
    addImport(scope, service);
    done();
  });
}

function addImport(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/v1/snapshots/import',
    schema: {
      summary: 'Import a snapshot from a file',
      description:
        'The body is an archive as the export gives it, of type application/gzip. Every hash is checked, and that it can run here: same VMM, processor and image. Import only what you would run.',
      tags: ['snapshots'],
      response: { 200: VmSnapshot },
    },
    handler: async ({ body }) => {
      if (body instanceof Readable) return toSnapshot(await service.archives.import(body));
      throw new BigboxError('UNSUPPORTED_MEDIA_TYPE', {
        message: `The body is not an archive of type ${archiveType}.`,
      });
    },
  });
}
