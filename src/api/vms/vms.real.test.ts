import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { killMachines } from '../../../test/fixtures/machine-processes.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { ExecuteResponse, ExecutionEvent } from '../../contracts/execution.ts';
import { VmServiceHealth } from '../../contracts/health.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;

beforeAll(async () => {
  service = await startTestVmService();
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

const execute = async (language: string, code: string, more: object = {}): Promise<ExecuteResponse> => {
  const response = await service.post('/api/llm/execute', { agent_id: 'tester', language, code, ...more });
  expect(response.status).toBe(200);
  return ExecuteResponse.parse(await response.json());
};

const refusal = async (response: Response): Promise<ErrorBody> => ErrorBody.parse(await response.json());

async function* readEvents(response: Response): AsyncGenerator<ExecutionEvent> {
  let rest = '';
  for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) yield ExecutionEvent.parse(JSON.parse(data));
    }
  }
}

const stream = (body: object, signal?: AbortSignal): Promise<Response> =>
  service.post('/api/llm/execute', body, {
    headers: { accept: 'text/event-stream' },
    ...(signal === undefined ? {} : { signal }),
  });

/** The next execution works whatever the one before did. */
const expectServiceWorks = async (): Promise<void> => {
  expect(await execute('bash', 'echo still here')).toMatchObject({ exit_code: 0, stdout: 'still here\n' });
};

describe('POST /api/llm/execute', () => {
  test.each([
    ['python', 'print(sum(range(10)))', '45\n'],
    ['javascript', 'console.log([1, 2, 3].map((x) => x * 2).join())', '2,4,6\n'],
    ['bash', 'for i in 1 2 3; do echo -n $i; done', '123'],
  ])('runs %s', async (language, code, stdout) => {
    expect(await execute(language, code)).toMatchObject({
      outcome: 'exited',
      exit_code: 0,
      stdout,
      stderr: '',
      truncated: false,
      vm_type: 'debian-bookworm',
    });
  });

  test('streams output while the code runs', async () => {
    const code = 'import sys, time\nprint("first")\ntime.sleep(1)\nprint("second", file=sys.stderr)\nsys.exit(3)';
    const seen: { readonly event: ExecutionEvent; readonly at: number }[] = [];
    for await (const event of readEvents(await stream({ language: 'py', code })))
      seen.push({ event, at: performance.now() });
    const types = seen.map(({ event }) => event.type);
    expect([types[0], types.at(-1)]).toEqual(['execution-started', 'execution-finished']);
    expect(new Set(types.slice(1, -1))).toEqual(new Set(['output-delta']));
    expect((seen.at(-1)?.at ?? 0) - (seen[1]?.at ?? 0)).toBeGreaterThan(500);
    expect(seen.at(-1)?.event).toMatchObject({ result: { exit_code: 3, stdout: 'first\n', stderr: 'second\n' } });
  });

  test('passes environment, working directory and standard input', async () => {
    const more = { environment: { NAME: 'value' }, working_dir: '/tmp', stdin: 'typed' };
    expect((await execute('bash', 'echo $NAME; pwd; cat', more)).stdout).toBe('value\n/tmp\ntyped');
  });

  test('accepts timeout_seconds and lets timeout_ms win', async () => {
    expect((await execute('bash', 'sleep 30', { timeout_seconds: 1 })).outcome).toBe('timed-out');
    expect((await execute('bash', 'sleep 2', { timeout_ms: 20_000, timeout_seconds: 1 })).outcome).toBe('exited');
  });

  test('says that packages are not installed', async () => {
    expect((await execute('bash', 'true', { requirements: ['numpy'] })).warnings[0]).toContain('numpy');
  });

  test.each([
    [{ language: 'cobol', code: 'x' }, 'LANGUAGE_NOT_ALLOWED'],
    [{ language: 'python', code: 'x'.repeat(10_001) }, 'CODE_TOO_LONG'],
    [{ language: 'python', code: 'a\0b' }, 'CODE_INVALID'],
    [{ language: 'python', code: '1', vm_id: 'vm-00000000' }, 'VM_NOT_FOUND'],
    [{ language: 'python', code: '1', working_dir: 'not/absolute' }, 'INVALID_REQUEST'],
    [{ language: 'python' }, 'INVALID_REQUEST'],
  ])('refuses %o with %s', async (body, code) => {
    expect((await refusal(await service.post('/api/llm/execute', body))).code).toBe(code);
  });

  test('runs every execution in a fresh clone with a name and machine id of its own', async () => {
    const code = 'test ! -e mark; touch mark; hostname; cat /etc/machine-id; head -c 16 /dev/urandom | sha256sum';
    const results = [await execute('bash', code), await execute('bash', code), await execute('bash', code)];
    expect(results.map(({ exit_code }) => exit_code)).toEqual([0, 0, 0]);
    expect(results.every(({ vm_id, stdout }) => stdout.startsWith(`${vm_id}\n`))).toBe(true);
    expect(new Set(results.flatMap(({ stdout }) => stdout.trim().split('\n'))).size).toBe(9);
  });
});

describe('a client that leaves', () => {
  test('stops its code and frees the VM', async () => {
    const leaving = new AbortController();
    const response = await stream({ language: 'bash', code: 'while :; do echo x; sleep 0.1; done' }, leaving.signal);
    for await (const event of readEvents(response)) if (event.type === 'output-delta') break;
    leaving.abort();
    await expect
      .poll(async () => (await (await service.call('/api/vm-pool/stats')).json()) as object)
      .toMatchObject({ busy: 0 });
    await expectServiceWorks();
  });
});

describe('/api/vms', () => {
  const makeRunning = async (body: object = {}): Promise<string> => {
    const { id } = (await (await service.post('/api/vms', body)).json()) as { id: string };
    await expect
      .poll(async () => ((await (await service.call(`/api/vms/${id}`)).json()) as { status: string }).status, {
        timeout: 30_000,
      })
      .toBe('running');
    return id;
  };

  test('makes a VM that keeps its files until it is deleted', async () => {
    const id = await makeRunning({ vm_type: 'ubuntu-focal', vm_name: 'mine' });
    const vm = await (await service.call(`/api/v1/vms/${id}`)).json();
    expect(vm).toMatchObject({ name: 'mine', vm_type: 'debian-bookworm', requested_vm_type: 'ubuntu-focal' });
    expect(await execute('bash', 'echo kept > note; hostname', { vm_id: id })).toMatchObject({
      vm_id: id,
      stdout: `${id}\n`,
    });
    expect((await execute('python', 'print(open("note").read())', { vm_id: id })).stdout).toBe('kept\n\n');
    await expect
      .poll(async () => (await execute('bash', 'ls', { vm_id: id })).stdout.split('\n').length)
      .toBeLessThan(4);
    const file = await service.call(`/api/v1/vms/${id}/files?path=/home/sandbox/note`);
    expect(await file.json()).toMatchObject({ content: 'kept\n' });
    expect((await service.call(`/api/vms/${id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await refusal(await service.call(`/api/vms/${id}`))).code).toBe('VM_NOT_FOUND');
    expect((await service.call(`/api/vms/${id}`, { method: 'DELETE' })).status).toBe(404);
  });

  test('refuses VMs beyond the limit and unknown types', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => makeRunning()));
    expect((await refusal(await service.post('/api/vms', {}))).code).toBe('LIMIT_EXCEEDED');
    expect((await refusal(await service.post('/api/llm/execute', { language: 'bash', code: 'true' }))).code).toBe(
      'LIMIT_EXCEEDED',
    );
    await Promise.all(ids.map((id) => service.call(`/api/vms/${id}`, { method: 'DELETE' })));
    expect((await refusal(await service.post('/api/vms', { vm_type: 'windows' }))).code).toBe('VM_TEMPLATE_UNKNOWN');
    await expectServiceWorks();
  });

  test('answers VM_LOST when every VM is killed, and makes new ones', async () => {
    const types: string[] = [];
    for await (const event of readEvents(await stream({ language: 'bash', code: 'echo begun; sleep 60' }))) {
      types.push(event.type);
      if (event.type === 'output-delta') await killMachines(service.dataDir);
      if (event.type === 'execution-finished')
        expect(event.result).toMatchObject({
          outcome: 'vm-lost',
          stdout: 'begun\n',
          error_detail: { code: 'VM_LOST' },
        });
    }
    expect(types.at(-1)).toBe('execution-finished');
    await expectServiceWorks();
  });
});

describe('/ws/{vm_id}', () => {
  test('runs code and answers frames of later parts with an error', async () => {
    const { id } = (await (await service.post('/api/vms', {})).json()) as { id: string };
    await expect
      .poll(async () => ((await (await service.call(`/api/vms/${id}`)).json()) as { status: string }).status, {
        timeout: 30_000,
      })
      .toBe('running');
    const headers = { authorization: `Bearer ${testServiceKey}` };
    const socket = new WebSocket(`${service.url.replace('http', 'ws')}/ws/${id}`, { headers });
    await once(socket, 'open');
    const frames: { message_type: string; data: Record<string, unknown> }[] = [];
    const complete = Promise.withResolvers<void>();
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as (typeof frames)[number];
      frames.push(frame);
      if (frame.message_type === 'LlmExecutionComplete') complete.resolve();
    });
    socket.send(JSON.stringify({ message_type: 'QueryHistory', data: { limit: 5 } }));
    socket.send('no json');
    const data = { agent_id: 'a', language: 'bash', code: 'echo over the wire', execution_id: 'mine' };
    socket.send(JSON.stringify({ message_type: 'LlmExecuteCode', data }));
    await complete.promise;
    socket.close();
    const errors = frames
      .filter(({ message_type }) => message_type === 'Error')
      .map(({ data: error }) => error['code']);
    expect(errors).toEqual(['NOT_SUPPORTED', 'INVALID_REQUEST']);
    expect(frames.find(({ message_type }) => message_type === 'LlmExecutionOutput')?.data).toMatchObject({
      execution_id: 'mine',
      content: 'over the wire\n',
    });
    expect(frames.at(-1)?.data).toMatchObject({ execution_id: 'mine', exit_code: 0 });
    await service.call(`/api/vms/${id}`, { method: 'DELETE' });
  });
});

describe('POST /api/llm/parse-execute', () => {
  test('runs fenced code in program order, once each', async () => {
    const llm_response =
      'Run `x = 1`:\n```python\nprint("one")\n```\nthen\n```sh\necho two\n```\n```rust\nfn main() {}\n```\n';
    const answer = (await (await service.post('/api/llm/parse-execute', { llm_response })).json()) as {
      code_blocks: { executable: boolean }[];
      execution_results: ExecuteResponse[];
      errors: string[];
    };
    expect(answer.code_blocks.map(({ executable }) => executable)).toEqual([true, true, false]);
    expect(answer.execution_results.map(({ stdout }) => stdout)).toEqual(['one\n', 'two\n']);
    expect(answer.errors).toEqual([]);
  });
});

describe('the door', () => {
  test('is open for /health only', async () => {
    expect(VmServiceHealth.parse(await (await fetch(`${service.url}/health`)).json()).status).toBe('healthy');
    expect((await fetch(`${service.url}/api/vms`)).status).toBe(401);
    const foreign = await service.call('/api/vms', { headers: { origin: 'http://evil.example' } });
    expect((await refusal(foreign)).code).toBe('FORBIDDEN_ORIGIN');
  });
});
