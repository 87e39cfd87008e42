import { type HttpServer, createHttpServer } from '../../http/index.ts';
import type { Logger } from '../../lib/log.ts';
import { addGenerationRoutes } from './generation-routes.ts';
import { addListingRoutes } from './listing-routes.ts';
import type { ModelServer } from './model-server.ts';
import { addOpenAiRoutes } from './openai-routes.ts';
import { toOpenAiError, toWireError } from './wire-error.ts';

export type { InstalledModel, LoadedModel, ModelServer, ServerState } from './model-server.ts';

const largestBody = 8 * 1024 * 1024;

/** Reads JSON with an error that says what is wrong where, as Ollama's does. */
function readJson(app: HttpServer): void {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : JSON.parse(body.toString()));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Errors of a scope are answered in the form that its clients know. */
function answerErrors(app: HttpServer, toBody: (error: ReturnType<typeof toWireError>) => unknown): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = toWireError(thrown);
    if (error.status >= 500 && error.status !== 503) request.log.error({ err: thrown }, error.message);
    return reply.code(error.status).type('application/json; charset=utf-8').send(toBody(error));
  });
}

/**
 * Creates the HTTP server that speaks Ollama's interface and its OpenAI layer for our own models. Host and Origin are checked;
 * like Ollama it asks for no token. The caller listens and closes.
 */
export async function createOllamaServer(
  server: ModelServer,
  options: { readonly logger: Logger },
): Promise<HttpServer> {
  const app = await createHttpServer({
    service: 'model-service',
    title: 'Bigbox model service',
    description: 'The interface of Ollama for the models of this Bigbox.',
    logger: options.logger,
    authenticate: () => Promise.resolve(undefined),
    bodyLimitBytes: largestBody,
    documentation: false,
    formatError: (error) => ({ error: error.message }),
  });
  await app.register((scope, _options, done) => {
    readJson(scope);
    answerErrors(scope, ({ message }) => ({ error: message }));
    addListingRoutes(scope, server);
    addGenerationRoutes(scope, server);
    done();
  });
  await app.register((scope, _options, done) => {
    readJson(scope);
    answerErrors(scope, toOpenAiError);
    addOpenAiRoutes(scope, server);
    done();
  });
  return app;
}
