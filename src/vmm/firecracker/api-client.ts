import { request } from 'node:http';

/** Where a VMM listens, how long it may take, and what ends waiting for it. */
export interface ApiOptions {
  readonly socketPath: string;
  readonly signal: AbortSignal;
}

type Method = 'GET' | 'PUT' | 'PATCH';

const callTimeoutMs = 60_000;
/** What a process that was taken over may answer at most. */
const maxAnswerBytes = 65_536;
const retryMs = 5;

/** Firecracker's API on its unix socket: JSON over HTTP/1.1, one connection a call. */
export class ApiClient {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** Makes a call and gives the parsed answer. Throws a plain error with Firecracker's own words, and the signal's reason. */
  async call(method: Method, path: string, body?: unknown): Promise<unknown> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    try {
      return await this.#send(method, path, body);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /** Waits until the API answers. Throws the signal's reason. */
  async ready(): Promise<void> {
    const { signal } = this.#options;
    for (;;) {
      try {
        await this.call('GET', '/');
        return;
      } catch {
        signal.throwIfAborted();
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }

  #send(method: Method, path: string, body: unknown): Promise<unknown> {
    const { socketPath, signal } = this.#options;
    const text = body === undefined ? '' : JSON.stringify(body);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = request({
      socketPath,
      method,
      path,
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]),
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      },
    });
    call.once('error', reject);
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) call.destroy(new Error(`${method} ${path} was answered without end`));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        const answer = Buffer.concat(chunks).toString();
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve(answer === '' ? undefined : JSON.parse(answer));
        else reject(new Error(`${method} ${path} was refused (${statusCode}): ${toFault(answer)}`));
      });
    });
    call.end(text);
    return promise;
  }
}

function toFault(answer: string): string {
  try {
    return (JSON.parse(answer) as { fault_message?: string }).fault_message ?? answer;
  } catch {
    return answer;
  }
}
