import { version } from '../../lib/version.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import type { DownloadProgress } from '../../llm/store/index.ts';
import { requireModel } from './model-lookup.ts';
import type { InstalledModel, LoadedModel, ModelServer } from './model-server.ts';
import { ndjson, sendStream, toLines } from './stream.ts';
import { NameRequest, YieldRequest, parseBody } from './wire.ts';
import { WireError } from './wire-error.ts';

/** The version of Ollama whose interface is spoken here. */
const spokenVersion = '0.33.0';
const open = { config: { open: true } };
/** Loaded models stay; a date far ahead is how Ollama says so. */
const neverExpires = '2318-01-01T00:00:00Z';

const toDetails = ({ model }: InstalledModel): unknown => ({
  parent_model: '',
  format: 'gguf',
  family: model.family,
  families: [model.family],
  parameter_size: model.parameters,
  quantization_level: model.quantization,
});

const toTag = (installed: InstalledModel): unknown => ({
  name: installed.model.name,
  model: installed.model.name,
  modified_at: installed.modifiedAt.toISOString(),
  size: installed.model.bytes,
  digest: installed.model.sha256,
  details: toDetails(installed),
  capabilities: ['completion'],
});

const toRunning = ({ installed, facts }: LoadedModel): unknown => ({
  name: installed.model.name,
  model: installed.model.name,
  size: installed.model.memoryBytes,
  digest: installed.model.sha256,
  details: toDetails(installed),
  expires_at: neverExpires,
  size_vram: 0,
  context_length: facts.contextLength,
});

function toDescription(installed: InstalledModel, loaded: LoadedModel | undefined): unknown {
  const { model } = installed;
  const template = loaded?.installed.model.name === model.name ? loaded.facts.chatTemplate : undefined;
  return {
    license: model.licence,
    modelfile: `# Modelfile of ${model.name}\nFROM sha256:${model.sha256}\n`,
    ...(template === undefined ? {} : { template }),
    details: toDetails(installed),
    model_info: {
      'general.architecture': model.family,
      'general.file_type': model.quantization,
      'general.size_label': model.parameters,
      [`${model.family}.context_length`]: model.contextLength,
    },
    capabilities: ['completion'],
    modified_at: installed.modifiedAt.toISOString(),
  };
}

async function* toPullLines(progress: AsyncIterable<DownloadProgress>): AsyncGenerator<unknown, void> {
  let verifying = false;
  for await (const { model, step, completedBytes, totalBytes } of progress) {
    if (step === 'verifying' && !verifying) yield { status: 'verifying sha256 digest' };
    verifying = step === 'verifying';
    if (verifying) continue;
    const digest = `sha256:${model.sha256}`;
    yield { status: `pulling ${model.sha256.slice(0, 12)}`, digest, total: totalBytes, completed: completedBytes };
  }
  yield { status: 'writing manifest' };
  yield { status: 'success' };
}

/** Ollama says `pulling manifest` before it looks a name up; an unknown name is then an error line. */
async function* pull(server: ModelServer, name: string, signal: AbortSignal): AsyncGenerator<unknown, void> {
  yield { status: 'pulling manifest' };
  try {
    yield* toPullLines(server.pull(name, signal));
  } catch (error) {
    if (!(error instanceof BigboxError) || error.code !== 'MODEL_NOT_FOUND') throw error;
    throw new WireError(500, 'pull model manifest: file does not exist', error);
  }
}

function addPullRoute(app: HttpServer, server: ModelServer): void {
  app.post('/api/pull', open, async (request, reply) => {
    const { model, stream } = parseBody(NameRequest, request.body);
    if (model === '') throw new WireError(400, 'invalid model name');
    const lines = pull(server, model, requestSignal(reply));
    if (stream) return sendStream(reply, toLines(lines), ndjson);
    return (await Array.fromAsync(lines)).at(-1);
  });
}

function addUnsupportedRoutes(app: HttpServer): void {
  for (const path of ['/api/embed', '/api/embeddings', '/v1/embeddings'])
    app.post(path, open, () => {
      throw new WireError(400, 'this model does not support embeddings');
    });
  for (const path of ['/api/create', '/api/copy', '/api/push'])
    app.post(path, open, () => {
      throw new WireError(501, `${path} is not supported: models come from the catalogue`);
    });
}

function addOwnRoutes(app: HttpServer, server: ModelServer): void {
  app.get('/bigbox/status', open, () => {
    const { idealThreads, tokensPerSecond, speeds, ...state } = server.state();
    return {
      instance: server.instance,
      ...state,
      ideal_threads: idealThreads,
      ...(tokensPerSecond === undefined ? {} : { tokens_per_second: tokensPerSecond }),
      speeds: speeds.map((speed) => ({
        threads: speed.threads,
        prompt_tokens_per_second: speed.promptTokensPerSecond,
        output_tokens_per_second: speed.outputTokensPerSecond,
      })),
    };
  });
  app.post('/bigbox/yield', open, (request) => {
    const { holder, milliseconds } = parseBody(YieldRequest, request.body);
    server.yieldCores(holder, milliseconds);
    return { threads: server.state().threads };
  });
}

/** Adds the routes that tell what there is: version, tags, ps, show, pull, delete, and Bigbox's own `/bigbox/*`. */
export function addListingRoutes(app: HttpServer, server: ModelServer): void {
  app.get('/', open, (_request, reply) => reply.type('text/plain; charset=utf-8').send('Ollama is running'));
  app.get('/api/version', open, () => ({ version: spokenVersion, bigbox: { instance: server.instance, version } }));
  app.get('/api/tags', open, async () => ({ models: (await server.installed()).map(toTag) }));
  app.get('/api/ps', open, () => {
    const loaded = server.loaded();
    return { models: loaded === undefined ? [] : [toRunning(loaded)] };
  });
  app.post('/api/show', open, async (request) => {
    const { model } = parseBody(NameRequest, request.body);
    return toDescription(await requireModel(server, model), server.loaded());
  });
  app.delete('/api/delete', open, async (request, reply) => {
    const { model } = parseBody(NameRequest, request.body);
    const installed = await requireModel(server, model);
    await server.remove(installed.model.name);
    return reply.code(200).send();
  });
  addPullRoute(app, server);
  addUnsupportedRoutes(app);
  addOwnRoutes(app, server);
}
