import { z } from 'zod';
import { FileContent, FileListing, WriteFileAnswer } from '../../contracts/vms.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';

const VmPath = z.object({ id: z.string().max(64) });
const FileQuery = z.object({
  path: z.string().min(1).max(4096).describe('Absolute path in the guest'),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
const ListQuery = z.object({ path: z.string().min(1).max(4096).default('/home/sandbox') });

/** Adds reading, writing and listing of files in a VM. */
export function addFileRoutes(app: HttpServer, service: VmService): void {
  const tags = ['files'];
  const url = '/api/v1/vms/:id/files';
  app.route({
    method: 'GET',
    url,
    schema: {
      summary: 'Read a file of a VM',
      tags,
      params: VmPath,
      querystring: FileQuery,
      response: { 200: FileContent },
    },
    handler: async (request, reply) => {
      const { path, encoding } = request.query;
      const files = await service.files(request.params.id);
      const bytes = await files.read(path, requestSignal(reply));
      return { path, encoding, content: bytes.toString(encoding) };
    },
  });
  app.route({
    method: 'PUT',
    url,
    bodyLimit: 24 * 1024 * 1024,
    schema: {
      summary: 'Write a file of a VM',
      tags,
      params: VmPath,
      body: FileContent,
      response: { 200: WriteFileAnswer },
    },
    handler: async (request, reply) => {
      const { path, content, encoding } = request.body;
      const bytes = Buffer.from(content, encoding);
      const files = await service.files(request.params.id);
      await files.write(path, bytes, requestSignal(reply));
      return { path, bytes: bytes.length };
    },
  });
  app.route({
    method: 'GET',
    url: `${url}/list`,
    schema: {
      summary: 'List a directory of a VM',
      tags,
      params: VmPath,
      querystring: ListQuery,
      response: { 200: FileListing },
    },
    handler: async (request, reply) => {
      const { path } = request.query;
      const files = await service.files(request.params.id);
      return { path, entries: await files.list(path, requestSignal(reply)) };
    },
  });
}
