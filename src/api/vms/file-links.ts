import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { posix } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { FileLink, FileLinkRequest } from '../../contracts/file-links.ts';
import { WriteFileAnswer } from '../../contracts/vms.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { attachment } from './attachment.ts';

const VmPath = z.object({ id: z.string().max(64) });
const LinkQuery = z.object({ token: z.string().max(8192) });
const linkUrl = '/files/link';
/** The link itself is the proof of who calls. */
const link = { url: linkUrl, config: { open: true, anyOrigin: true } } as const;
const schema = { querystring: LinkQuery, hide: true } as const;

/** Adds the making of links to files of VMs, and `/files/link`, where whoever has one uses it, once. */
export function addFileLinkRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/files/links',
    schema: {
      summary: 'Make a link that downloads or uploads a file of a VM once',
      description:
        'Whoever has it needs no key: GET gives the file, or PUT with the content as its body, of any type, with its length and at most max_upload_bytes, writes it whole or not at all. It works once, until it expires or the VM is deleted; a HEAD request and one that is refused do not use it up.',
      tags: ['files'],
      params: VmPath,
      body: FileLinkRequest,
      response: { 200: FileLink },
    },
    handler: async (request) => {
      const { path, action, expires_in_seconds: seconds } = request.body;
      const { id: vmId } = service.named.get(request.params.id);
      const { token, expiresAt } = service.links.files.sign({ vmId, path, action }, seconds * 1000);
      const query = new URLSearchParams({ token }).toString();
      return { url: `${request.protocol}://${request.host}${linkUrl}?${query}`, expires_at: expiresAt.toISOString() };
    },
  });
  addDownload(app, service);
  void app.register(async (scope: HttpServer) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    addUpload(scope, service);
  });
}

function addDownload(app: HttpServer, service: VmService): void {
  app.route({
    ...link,
    method: 'GET',
    exposeHeadRoute: false,
    schema,
    handler: async ({ query: { token } }, reply) => {
      countConnection(service, reply);
      const { path, content } = await service.links.files.once(token, 'download', async (target, spend) => {
        const files = await service.files(target.vmId);
        const opened = await files.open(target.path, requestSignal(reply));
        try {
          spend();
        } catch (error) {
          opened.destroy();
          throw error;
        }
        return { path: target.path, content: opened };
      });
      return describe(reply, path).send(content);
    },
  });
  app.route({
    ...link,
    method: 'HEAD',
    schema,
    handler: async ({ query: { token } }, reply) => {
      countConnection(service, reply);
      const { vmId, path } = service.links.files.read(token, 'download');
      await (await service.files(vmId)).stat(path, true, requestSignal(reply));
      return describe(reply, path).send();
    },
  });
}

function addUpload(app: HttpServer, service: VmService): void {
  app.route({
    ...link,
    method: 'PUT',
    schema: { ...schema, response: { 200: WriteFileAnswer } },
    handler: async (request, reply) => {
      countConnection(service, reply);
      return service.links.files.once(request.query.token, 'upload', async ({ vmId, path }, spend) => {
        const size = lengthOf(request);
        const content = andThen(bodyOf(request.body), spend);
        await (await service.files(vmId)).receive({ path, content, size }, requestSignal(reply));
        return { path, bytes: size };
      });
    },
  });
}

/** Open routes are not counted by themselves. */
function countConnection(service: VmService, reply: FastifyReply): void {
  reply.raw.once('close', service.limits.connect());
}

const describe = (reply: FastifyReply, path: string): FastifyReply =>
  reply.type('application/octet-stream').header('content-disposition', attachment(posix.basename(path)));

function lengthOf({ headers }: Pick<FastifyRequest, 'headers'>): number {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length);
  throw new BigboxError('INVALID_REQUEST', {
    message: 'The upload does not say its length, and what breaks off could not be told from what is whole.',
    remedy: 'Send the header Content-Length.',
  });
}

/** What is not read stays, so that the refusal can be answered on the same connection. */
const bodyOf = (body: unknown): AsyncIterable<Uint8Array> =>
  body instanceof Readable ? body.iterator({ destroyOnReturn: false }) : Readable.from([]);

async function* andThen(content: AsyncIterable<Uint8Array>, finish: () => void): AsyncGenerator<Uint8Array> {
  yield* content;
  finish();
}
