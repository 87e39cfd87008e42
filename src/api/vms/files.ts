import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  ChangeModeRequest,
  FileAnswer,
  FileContent,
  FileListing,
  FileStatus,
  MakeFolderRequest,
  MoveFileRequest,
  WriteFileAnswer,
  WriteFileRequest,
} from '../../contracts/vms.ts';
import { type HttpServer, requestSignal, streamEvents } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';

const VmPath = z.object({ id: z.string().max(64) });
const PathQuery = z.object({ path: z.string().min(1).max(4096).describe('Absolute path in the guest') });
const FileQuery = PathQuery.extend({
  offset: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('First byte to read'),
  length: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Bytes to read at most. Default: to the end'),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
const StatQuery = PathQuery.extend({
  follow: z.stringbool().default(true).describe('Describe what a link names instead of the link'),
});
const RemoveQuery = PathQuery.extend({
  recursive: z.stringbool().default(false).describe('Also a folder with all that is in it'),
});
const ListQuery = z.object({
  path: z.string().min(1).max(4096).default('/home/sandbox'),
  depth: z.coerce.number().int().min(1).max(100).default(1).describe('2 also lists what is in its folders, and so on'),
});

const WatchQuery = PathQuery.extend({
  recursive: z.stringbool().default(false).describe('Also what is in the folders below, those that come later too'),
});

const tags = ['files'];
const url = '/api/v1/vms/:id/files';

/** Adds reading, writing, listing and changing of files in a VM. */
export function addFileRoutes(app: HttpServer, service: VmService): void {
  addContentRoutes(app, service);
  addLookRoutes(app, service);
  addChangeRoutes(app, service);
  addMoveRoutes(app, service);
  addWatchRoute(app, service);
}

function addContentRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url,
    schema: {
      summary: 'Read a file of a VM, or a part of it',
      tags,
      params: VmPath,
      querystring: FileQuery,
      response: { 200: FileContent },
    },
    handler: async (request, reply) => {
      const { path, encoding, offset, length } = request.query;
      const files = await service.files(request.params.id);
      const bytes = await files.read(path, { offset, length }, requestSignal(reply));
      return { path, encoding, content: bytes.toString(encoding) };
    },
  });
  app.route({
    method: 'PUT',
    url,
    bodyLimit: 24 * 1024 * 1024,
    schema: {
      summary: 'Write a file of a VM, or add to it',
      description:
        'A file that is written appears whole or not at all; folders above it are made. What is added before a failure stays in the file.',
      tags,
      params: VmPath,
      body: WriteFileRequest,
      response: { 200: WriteFileAnswer },
    },
    handler: async (request, reply) => {
      const { path, content, encoding, append } = request.body;
      const bytes = Buffer.from(content, encoding);
      const files = await service.files(request.params.id);
      await files.write({ path, data: bytes, append }, requestSignal(reply));
      return { path, bytes: bytes.length };
    },
  });
}

function addLookRoutes(app: HttpServer, service: VmService): void {
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
      const { path, depth } = request.query;
      const files = await service.files(request.params.id);
      return { path, entries: await files.list(path, depth, requestSignal(reply)) };
    },
  });
  app.route({
    method: 'GET',
    url: `${url}/stat`,
    schema: {
      summary: 'Describe what is at a path of a VM',
      tags,
      params: VmPath,
      querystring: StatQuery,
      response: { 200: FileStatus },
    },
    handler: async (request, reply) => {
      const { path, follow } = request.query;
      const files = await service.files(request.params.id);
      return { path, entry: await files.stat(path, follow, requestSignal(reply)) };
    },
  });
}

function addChangeRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'DELETE',
    url,
    schema: {
      summary: 'Remove a file, a link or a folder of a VM',
      tags,
      params: VmPath,
      querystring: RemoveQuery,
      response: { 200: FileAnswer },
    },
    handler: async (request, reply) => {
      const { path, recursive } = request.query;
      const files = await service.files(request.params.id);
      await files.remove(path, recursive, requestSignal(reply));
      return { path };
    },
  });
  app.route({
    method: 'POST',
    url: `${url}/mkdir`,
    schema: {
      summary: 'Make a folder in a VM',
      description: 'Also makes the folders above it. One that is there already stays as it is.',
      tags,
      params: VmPath,
      body: MakeFolderRequest,
      response: { 200: FileAnswer },
    },
    handler: async (request, reply) => {
      const { path, mode } = request.body;
      const files = await service.files(request.params.id);
      await files.makeFolder(path, mode, requestSignal(reply));
      return { path };
    },
  });
}

function addMoveRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: `${url}/move`,
    schema: {
      summary: 'Move or rename a file or folder of a VM',
      description: 'Within one file system. What is at the target refuses the move, unless overwrite is said.',
      tags,
      params: VmPath,
      body: MoveFileRequest,
      response: { 200: FileAnswer },
    },
    handler: async (request, reply) => {
      const files = await service.files(request.params.id);
      await files.move(request.body, requestSignal(reply));
      return { path: request.body.to };
    },
  });
  app.route({
    method: 'POST',
    url: `${url}/chmod`,
    schema: {
      summary: 'Set the permission bits of a file or folder of a VM',
      tags,
      params: VmPath,
      body: ChangeModeRequest,
      response: { 200: FileAnswer },
    },
    handler: async (request, reply) => {
      const { path, mode } = request.body;
      const files = await service.files(request.params.id);
      await files.changeMode(path, mode, requestSignal(reply));
      return { path };
    },
  });
}

function addWatchRoute(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url: `${url}/watch`,
    exposeHeadRoute: false,
    schema: {
      summary: 'Follow what changes at a path of a VM',
      description:
        'Server-sent events, each a FileChange: watching, then created, modified, removed, moved or overflow. The stream ends when the path is gone. While the VM is paused it waits; links are not followed.',
      tags,
      params: VmPath,
      querystring: WatchQuery,
    },
    handler: async ({ params, query }, reply) => {
      const untyped = reply as unknown as FastifyReply;
      const files = await service.files(params.id);
      const changes = await files.watch(query, requestSignal(untyped));
      await streamEvents(untyped, async function* () {
        for await (const change of changes) yield { event: change.type, data: change };
      });
      return reply;
    },
  });
}
