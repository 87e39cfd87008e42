import { ExecResult, VmProcess } from '../../../src/contracts/processes.ts';
import { ErrorBody } from '../../../src/contracts/errors.ts';
import { makeRunningVm } from '../../fixtures/running-vms.ts';
import type { TestVmService } from '../../fixtures/vm-service.ts';

interface ExecOptions {
  readonly user?: string;
  readonly timeoutMs?: number;
}

/** One VM of a service, as its owner uses it. */
export class VmInService {
  readonly id: string;
  readonly #service: TestVmService;

  private constructor(id: string, service: TestVmService) {
    this.id = id;
    this.#service = service;
  }

  static async make(service: TestVmService, body: object = {}): Promise<VmInService> {
    return new VmInService(await makeRunningVm(service, body), service);
  }

  async exec(shell: string, { user = 'sandbox', timeoutMs = 60_000 }: ExecOptions = {}): Promise<ExecResult> {
    return ExecResult.parse(await this.#answer('/exec', { shell, user, timeout_ms: timeoutMs }));
  }

  /** A program of the guest's root, to its end. */
  root(shell: string, timeoutMs = 60_000): Promise<ExecResult> {
    return this.exec(shell, { user: 'root', timeoutMs });
  }

  async start(shell: string, user = 'sandbox'): Promise<VmProcess> {
    return VmProcess.parse(await this.#answer('/processes', { shell, user }));
  }

  async show(processId: string): Promise<VmProcess> {
    return VmProcess.parse(await (await this.call(`/processes/${processId}`)).json());
  }

  call(path: string, init: RequestInit = {}): Promise<Response> {
    return this.#service.call(`/api/v1/vms/${this.id}${path}`, init);
  }

  readFile(path: string): Promise<Response> {
    return this.call(`/files?path=${encodeURIComponent(path)}`);
  }

  writeFile(path: string, content: string): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return this.call('/files', { method: 'PUT', headers, body: JSON.stringify({ path, content }) });
  }

  /** The error of a call that must not succeed. */
  async refusal(response: Promise<Response>): Promise<ErrorBody> {
    return ErrorBody.parse(await (await response).json());
  }

  async delete(): Promise<void> {
    const response = await this.call('', { method: 'DELETE' });
    if (!response.ok) throw new Error(`DELETE answered ${response.status}`);
  }

  async #answer(path: string, body: object): Promise<unknown> {
    const response = await this.#service.post(`/api/v1/vms/${this.id}${path}`, body);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }
}
