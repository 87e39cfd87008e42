import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { instanceFiles } from '../../../src/apps/all/index.ts';
import { ensureIdentityKey, restateCommand } from '../../../src/engine/index.ts';
import { nodeFlags } from '../../../src/lib/node-flags.ts';
import { type AgentClient, createAgentClient } from '../../../src/sdk/index.ts';

const fakeOllama = join(import.meta.dirname, '../../fixtures/fake-ollama/main.ts');
const agentServer = join(import.meta.dirname, 'agent-server.ts');

/** A call as the fake model server counts it. */
export interface ModelCall {
  readonly key: string;
  readonly prompt: string;
  readonly outcome: 'running' | 'answered' | 'failed' | 'abandoned';
}

/** The services of a Bigbox as processes that a test kills and starts again. */
export class Services implements AsyncDisposable {
  readonly #dataDir: string;
  readonly #processes = new Map<string, ChildProcess>();
  #serverUrl = '';
  #modelUrl = '';

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Starts all of them on a data directory of their own. */
  static async start(): Promise<Services> {
    const services = new Services(await mkdtemp(join(tmpdir(), 'bb-')));
    await services.startModel();
    await services.startRestate();
    await services.startServer();
    return services;
  }

  async startRestate(): Promise<void> {
    const { restateDirectory: directory, restateIdentity: identityKeyFile } = instanceFiles(this.#dataDir);
    await ensureIdentityKey(identityKeyFile);
    await mkdir(directory, { recursive: true });
    const { file, args, env } = restateCommand({ directory, identityKeyFile });
    this.#processes.set('restate', spawn(file, args, { env: { ...env }, stdio: 'ignore' }));
  }

  async startServer(): Promise<void> {
    this.#serverUrl = await this.#spawnNode('server', [
      agentServer,
      '--data',
      this.#dataDir,
      '--model',
      this.#modelUrl,
    ]);
  }

  /** Starts the fake model server, on the port that it had before. */
  async startModel(): Promise<void> {
    const port = this.#modelUrl === '' ? '0' : new URL(this.#modelUrl).port;
    this.#modelUrl = await this.#spawnNode('model', [
      fakeOllama,
      '--port',
      port,
      '--model',
      'fake:latest',
      '--delay',
      '4',
    ]);
  }

  /** kill -9 of all these at once; resolves when they are gone. */
  async kill(...names: readonly ('restate' | 'server' | 'model')[]): Promise<void> {
    const children = names.flatMap((name) => this.#processes.get(name) ?? []);
    const gone = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(gone);
    for (const name of names) this.#processes.delete(name);
  }

  async client(): Promise<AgentClient> {
    const key = await readFile(instanceFiles(this.#dataDir).serviceKey, 'utf8');
    return createAgentClient({ baseUrl: this.#serverUrl, key: key.trim() });
  }

  /** The calls that the model server was asked for since it was started. */
  async calls(): Promise<readonly ModelCall[]> {
    const { calls } = (await this.#control('GET', 'calls')) as { readonly calls: readonly ModelCall[] };
    return calls;
  }

  /** Holds calls that contain a text after so many tokens; resolves when one is caught. */
  async hold(matching: string, afterTokens: number): Promise<void> {
    await this.#control('POST', 'hold', { matching, after_tokens: afterTokens });
  }

  async release(): Promise<void> {
    await this.#control('POST', 'release');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill(...(['server', 'restate', 'model'] as const).filter((name) => this.#processes.has(name)));
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async #control(method: string, action: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#modelUrl}/__fake/${action}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!response.ok) throw new Error(`the fake answers ${response.status} to ${action}`);
    return response.json();
  }

  /** Starts a program of ours and gives the address that it prints. */
  async #spawnNode(name: string, args: readonly string[]): Promise<string> {
    const child = spawn(process.execPath, [...nodeFlags, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.set(name, child);
    const lines = createInterface({ input: child.stdout });
    const [url] = (await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended before it printed its address`))),
    ])) as [string];
    return url;
  }
}
