import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { BigboxError } from '../../contracts/errors.ts';
import { restateSockets } from './command.ts';

export interface RestateAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface Call {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

const timeoutMs = 5000;

const unavailable = (call: Call, cause: unknown): BigboxError =>
  new BigboxError('ENGINE_UNAVAILABLE', {
    message: `Restate does not answer ${call.method} ${call.path}.`,
    context: { socket: call.socketPath },
    cause,
  });

function send(call: Call): Promise<RestateAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RestateAnswer>();
  const outgoing = request(
    {
      socketPath: call.socketPath,
      method: call.method,
      path: call.path,
      signal: AbortSignal.timeout(timeoutMs),
      headers: call.body === undefined ? {} : { 'content-type': 'application/json' },
    },
    (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body: parse(body) }), reject);
    },
  );
  outgoing.once('error', reject);
  outgoing.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  return promise.catch((error: unknown) => {
    throw unavailable(call, error);
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}

function expectSuccess(call: Call, answer: RestateAnswer): unknown {
  if (answer.status >= 200 && answer.status < 300) return answer.body;
  throw unavailable(call, new Error(`status ${answer.status}: ${JSON.stringify(answer.body)}`));
}

/** Talks to Restate over its sockets. Every method throws ENGINE_UNAVAILABLE when Restate does not answer or refuses. */
export class RestateClient {
  readonly #sockets: { readonly admin: string; readonly ingress: string };

  constructor(directory: string) {
    this.#sockets = restateSockets(directory);
  }

  async ping(): Promise<void> {
    await this.#admin('GET', '/health');
  }

  /**
   * Tells Restate where the worker is. There is one deployment, moved to the new address when it exists already, so that runs in
   * progress follow the worker.
   */
  async register(uri: string): Promise<void> {
    const known = (await this.#admin('GET', '/deployments')) as {
      readonly deployments?: readonly { readonly id: string }[];
    };
    const [deployment] = known.deployments ?? [];
    if (deployment === undefined) await this.#admin('POST', '/deployments', { uri });
    else await this.#admin('PATCH', `/deployments/${deployment.id}`, { uri, overwrite: true });
  }

  /** Hands an invocation of a workflow over; the same key is taken once. */
  async startWorkflow(service: string, key: string): Promise<void> {
    const call: Call = {
      socketPath: this.#sockets.ingress,
      method: 'POST',
      path: `/${service}/${encodeURIComponent(key)}/run/send`,
    };
    expectSuccess(call, await send(call));
  }

  async #admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const call: Call = { socketPath: this.#sockets.admin, method, path, body };
    return expectSuccess(call, await send(call));
  }
}
