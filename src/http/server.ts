import cookie from '@fastify/cookie';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';
import { BigboxError } from '../contracts/errors.ts';
import { answerClientError } from './client-error.ts';
import { addDocumentation } from './documentation.ts';
import { createErrorResponder, type ErrorResponder } from './errors.ts';
import { createHostCheck } from './host-check.ts';
import { rememberClosing } from './lifetime.ts';
import { addCorsHeaders, createOriginCheck } from './origin-check.ts';
import { RouteIndex } from './route-index.ts';
import { addPagePolicy, addSecurityHeaders } from './security-headers.ts';
import { endSilentConnections } from './silent-connections.ts';
import type { HttpServer, HttpServerOptions } from './types.ts';
import { compileValidator } from './validation.ts';

const mebibyte = 1024 * 1024;

function createInstance(options: HttpServerOptions, respondError: ErrorResponder): HttpServer {
  const app = Fastify({
    loggerInstance: options.logger as unknown as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? mebibyte,
    genReqId: () => crypto.randomUUID(),
    // A slow client holds a connection for half a minute at most before its request is complete.
    requestTimeout: 30_000,
    http: { headersTimeout: 15_000, maxHeaderSize: 16_384 },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      addSecurityHeaders(reply as unknown as FastifyReply);
      reply.header('x-request-id', request.id);
      void respondError(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
  }) as unknown as HttpServer;
  app.server.maxConnections = 1024;
  app.setValidatorCompiler(compileValidator as never);
  app.setSerializerCompiler(serializerCompiler);
  return app;
}

/** JSON is the only body that is read; an empty one counts as absent, as some clients name the type without sending any. */
function readJsonOnly(app: HttpServer): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body as string, done);
  });
}

function guardRequests(app: HttpServer, options: HttpServerOptions, routes: RouteIndex): void {
  const checkHost = createHostCheck(options.allowedHosts ?? []);
  const checkOrigin = createOriginCheck(options.allowedOrigins ?? []);
  const isClosing = rememberClosing(app);
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    addSecurityHeaders(reply);
    // Node no longer watches the connection of an upgrade: a refused one would stay open for ever.
    if (request.headers.upgrade !== undefined) reply.raw.once('finish', () => request.raw.socket.destroySoon());
    if (isClosing()) throw new BigboxError('SHUTTING_DOWN', { message: 'The server is stopping.' });
    checkHost(request.headers.host, request.socket.localPort ?? 0);
    const { open, page, anyOrigin } = request.routeOptions.config;
    if (anyOrigin !== true) {
      checkOrigin(request);
      addCorsHeaders(request, reply);
    }
    if (page === true) addPagePolicy(reply);
    if (request.is404 || open === true) return undefined;
    request.principal = await options.authenticate(request);
    if (request.principal !== undefined) return undefined;
    throw new BigboxError('UNAUTHENTICATED', { message: 'The request carries no valid session or API key.' });
  });
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing()) reply.header('connection', 'close');
  });
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, routes));
}

function answerUnknown(request: FastifyRequest, reply: FastifyReply, routes: RouteIndex): FastifyReply {
  const path = (request.url.split('?', 1)[0] ?? '/').replace(/(?<=.)\/$/, '');
  const methods = routes.methodsOf(path);
  if (methods.length > 0) reply.header('allow', [...methods, 'OPTIONS'].join(', '));
  if (request.method === 'OPTIONS' && methods.length > 0) return reply.code(204).send();
  if (methods.length > 0 && !methods.includes(request.method))
    throw new BigboxError('METHOD_NOT_ALLOWED', {
      message: `${path.slice(0, 200)} does not take ${request.method}, expected ${methods.join(' or ')}.`,
      context: { path: path.slice(0, 200), methods },
    });
  throw new BigboxError('NOT_FOUND', {
    message: `There is nothing at ${path.slice(0, 200)}.`,
    context: { path: path.slice(0, 200) },
  });
}

/**
 * Creates a server that lets nobody in by default: Host, Origin and identity are checked on every request and WebSocket upgrade,
 * bodies are JSON, errors are those of the registry, and its routes describe themselves at `/api/openapi.json`. The caller adds
 * routes, then listens (`listen`) and owns it until `close()`.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const respondError = createErrorResponder(options.formatError);
  const app = createInstance(options, respondError);
  const routes = new RouteIndex();
  app.addHook('onRoute', (route) => routes.add(route));
  app.setErrorHandler((error, request, reply) => respondError(error, request, reply as unknown as FastifyReply));
  readJsonOnly(app);
  endSilentConnections(app);
  await app.register(cookie);
  guardRequests(app, options, routes);
  await app.register(websocket, { options: { maxPayload: mebibyte, perMessageDeflate: false } });
  if (options.documentation !== false) await addDocumentation(app, options);
  return app;
}
