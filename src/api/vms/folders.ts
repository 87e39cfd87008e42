import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { folderType, WriteFileAnswer } from '../../contracts/vms.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { attachment } from './attachment.ts';

const VmPath = z.object({ id: z.string().max(64) });
const FolderQuery = z.object({ path: z.string().min(1).max(4096).describe('Absolute path of a folder in the guest') });
const tags = ['files'];
const url = '/api/v1/vms/:id/files/archive';

/** Adds folders of VMs as tar archives, both ways. */
export function addFolderRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url,
    exposeHeadRoute: false,
    schema: {
      summary: 'Get a folder of a VM as a tar archive',
      description:
        'Packed by tar in the guest, as the user without rights. An answer that does not come to its end is no archive. What made it is the guest: unpack it with care.',
      tags,
      params: VmPath,
      querystring: FolderQuery,
    },
    handler: async ({ params, query: { path } }, reply) => {
      const { folders } = await service.files(params.id);
      const archive = await folders.pack(path, requestSignal(reply));
      const name = posix.basename(path);
      reply.type(folderType).header('content-disposition', attachment(`${name === '' ? params.id : name}.tar`));
      return reply.send(archive);
    },
  });
  void app.register((scope: HttpServer, _options, done) => {
    scope.addContentTypeParser(folderType, (_request, body, parsed) => parsed(null, body));
    addUnpacking(scope, service);
    done();
  });
}

function addUnpacking(app: HttpServer, service: VmService): void {
  app.route({
    method: 'PUT',
    url,
    schema: {
      summary: 'Put what is in a tar archive into a folder of a VM',
      description:
        'The body is an archive of type application/x-tar, not compressed, of at most max_upload_bytes. It is unpacked by tar in the guest, as the user without rights. The folder is made where it is missing; what is there stays, unless the archive has something else of its name. What was unpacked before a failure stays.',
      tags,
      params: VmPath,
      querystring: FolderQuery,
      response: { 200: WriteFileAnswer },
    },
    handler: async ({ params, query: { path }, body }, reply) => {
      if (!(body instanceof Readable))
        throw new BigboxError('UNSUPPORTED_MEDIA_TYPE', {
          message: `The body is not an archive of type ${folderType}.`,
          remedy: `Send a tar archive as ${folderType}.`,
        });
      const { folders } = await service.files(params.id);
      // What is not read stays, so that the refusal can be answered on the same connection.
      const archive = body.iterator({ destroyOnReturn: false });
      return { path, bytes: await folders.unpack(path, archive, requestSignal(reply)) };
    },
  });
}
