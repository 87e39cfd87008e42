import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { ExecuteResponse } from '../../contracts/execution.ts';
import { Vm } from '../../contracts/vms.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;

beforeAll(async () => {
  service = await startTestVmService({ poolSize: 1 });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

const show = async (id: string): Promise<Vm> => Vm.parse(await (await service.call(`/api/v1/vms/${id}`)).json());
const act = async (path: string, body?: object): Promise<Vm> => {
  const response = await service.call(path, { method: 'POST', ...(body === undefined ? {} : toJson(body)) });
  expect(response.status).toBe(200);
  return Vm.parse(await response.json());
};
const toJson = (body: object): RequestInit => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});
const refusal = async (response: Response): Promise<string> => ErrorBody.parse(await response.json()).code;

const makeRunning = async (body: object = {}): Promise<string> => {
  const { id } = (await (await service.post('/api/v1/vms', body)).json()) as { id: string };
  await expect.poll(async () => (await show(id)).status, { timeout: 30_000 }).toBe('running');
  return id;
};
const remove = (id: string): Promise<Response> => service.call(`/api/v1/vms/${id}`, { method: 'DELETE' });

describe.each(['/api', '/api/v1'])('POST %s/vms/:id/pause and /resume', (prefix) => {
  test('pause, show and resume a VM, as often as they are asked', async () => {
    const id = await makeRunning();
    for (const action of ['pause', 'pause', 'resume', 'resume', 'pause']) {
      const status = action === 'pause' ? 'paused' : 'running';
      expect((await act(`${prefix}/vms/${id}/${action}`)).status).toBe(status);
      expect((await show(id)).status).toBe(status);
    }
    const request = { agent_id: 'a', language: 'bash', code: 'echo awake', vm_id: id };
    const answer = ExecuteResponse.parse(await (await service.post('/api/llm/execute', request)).json());
    expect(answer.stdout).toBe('awake\n');
    expect((await show(id)).status).toBe('running');
    await act(`${prefix}/vms/${id}/pause`);
    expect((await remove(id)).status).toBe(200);
    const gone = await service.call(`${prefix}/vms/${id}/resume`, { method: 'POST' });
    expect(await refusal(gone)).toBe('VM_NOT_FOUND');
  });
});
