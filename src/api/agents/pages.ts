import { access } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { BigboxError } from '../../contracts/errors.ts';
import type { HttpServer } from '../../http/index.ts';

/** Paths that the page program knows; every other path is the API's and answers JSON. */
const pagePaths = ['/', '/parallelization', '/runs', '/runs/:id', '/machines', '/machines/:id'] as const;

const config = { open: true, page: true } as const;

/** Adds the built pages. Throws nothing where they are not built: their paths then say what to do. */
export async function addPages(app: HttpServer, directory: string | undefined): Promise<void> {
  const isBuilt =
    directory !== undefined &&
    (await access(join(directory, 'index.html')).then(
      () => true,
      () => false,
    ));
  if (!isBuilt) {
    for (const url of pagePaths)
      app.get(url, { config, schema: { hide: true } }, async () => {
        throw new BigboxError('NOT_FOUND', {
          message: 'The pages are not built.',
          remedy: 'Build them with npm run build, or use bigbox up.',
        });
      });
    return;
  }
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, ...config };
      route.schema = { ...route.schema, hide: true };
    });
    await scope.register(fastifyStatic, {
      root: directory,
      wildcard: false,
      index: false,
      cacheControl: false,
      setHeaders: (reply, path) => {
        const isNamedByContent = path.includes('/assets/');
        void reply.header('cache-control', isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
    for (const url of pagePaths) scope.get(url, async (_request, reply) => reply.sendFile('index.html'));
  });
}
