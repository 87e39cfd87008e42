import { createHash } from 'node:crypto';
import swagger from '@fastify/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ErrorBody } from '../contracts/errors.ts';
import { version } from '../lib/version.ts';
import { addPagePolicy } from './security-headers.ts';
import type { HttpServer, HttpServerOptions } from './types.ts';

const documentPath = '/api/openapi.json';
const viewerPath = '/api/docs';

/** An OpenAPI 3.1 document. */
export type ApiDocument = Readonly<Record<string, unknown>>;

interface Operation {
  responses?: Record<string, unknown>;
}

/** Gives every operation the error answer that all routes share. */
function addErrorAnswers(document: ApiDocument): ApiDocument {
  const paths = (document['paths'] ?? {}) as Record<string, Record<string, Operation>>;
  for (const operations of Object.values(paths))
    for (const operation of Object.values(operations)) {
      const { 200: success, ...others } = operation.responses ?? {};
      operation.responses = {
        ...(success === undefined ? {} : { 200: success }),
        ...others,
        default: {
          description: 'An error of the registry',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorBody' } } },
        },
      };
    }
  return document;
}

/** The OpenAPI document of a server whose routes are complete. */
export async function describeServer(app: HttpServer): Promise<ApiDocument> {
  await app.ready();
  return addErrorAnswers(structuredClone(app.swagger()) as unknown as ApiDocument);
}

async function addDescription(app: HttpServer, { title, description }: HttpServerOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version },
      components: {
        schemas: { ErrorBody: z.toJSONSchema(ErrorBody, { target: 'draft-2020-12' }) as never },
        securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      },
      security: [{ key: [] }],
    },
    transform: (source) => {
      const result = jsonSchemaTransform(source as never) as { schema: Record<string, unknown>; url: string };
      if (source.route.config?.open !== true || result.schema === undefined) return result as never;
      return { ...result, schema: { ...result.schema, security: [] } } as never;
    },
  });
  let answer: Promise<ApiDocument> | undefined;
  app.route({
    method: 'GET',
    url: documentPath,
    config: { open: true },
    schema: { hide: true },
    handler: async (_request, reply) => {
      answer ??= describeServer(app);
      return reply.type('application/json; charset=utf-8').send(await answer);
    },
  });
}

const inlineScript = /<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g;

/** Names the inline scripts of a page that this server wrote itself, so that the policy lets only them run. */
const hashInlineScripts = (html: string): readonly string[] =>
  [...html.matchAll(inlineScript)].map(
    ([, text = '']) => `sha256-${createHash('sha256').update(text).digest('base64')}`,
  );

async function addViewer(app: HttpServer, { title }: HttpServerOptions): Promise<void> {
  const { default: viewer } = await import('@scalar/fastify-api-reference');
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, open: true, page: true };
    });
    scope.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
      const isPage = request.routeOptions.url === `${viewerPath}/` && typeof payload === 'string';
      if (isPage) addPagePolicy(reply, hashInlineScripts(payload));
      else reply.header('cache-control', 'public, max-age=3600');
      return payload;
    });
    await scope.register(viewer, {
      routePrefix: viewerPath,
      configuration: {
        url: documentPath,
        cdn: `${viewerPath}/js/scalar.js`,
        pageTitle: title,
        withDefaultFonts: false,
        telemetry: false,
        hideClientButton: true,
        showDeveloperTools: 'never',
        agent: { disabled: true },
        mcp: { disabled: true },
      },
    });
  });
}

/** Serves the OpenAPI document and the page that shows it, both from this server alone. */
export async function addDocumentation(app: HttpServer, options: HttpServerOptions): Promise<void> {
  await addDescription(app, options);
  await addViewer(app, options);
}
