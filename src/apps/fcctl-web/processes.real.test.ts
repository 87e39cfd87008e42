import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { killMachines } from '../../../test/fixtures/machine-processes.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { ProcessEvent, type VmProcess } from '../../contracts/processes.ts';
import { createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
const keptBytes = 65_536;
let service: TestVmService;
let client: VmClient;
let vmId: string;

beforeAll(async () => {
  service = await startTestVmService({ maxOutputBytes: keptBytes });
  client = createVmClient({ baseUrl: service.url, key: testServiceKey });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeVm();
}, readyTimeoutMs);
afterAll(() => service.close());

const deadline = (): AbortSignal => AbortSignal.timeout(60_000);

async function makeVm(wish: object = {}): Promise<string> {
  const { id } = (await (await service.post('/api/v1/vms', wish)).json()) as { id: string };
  await vi.waitFor(
    async () => expect(await (await service.call(`/api/v1/vms/${id}`)).json()).toMatchObject({ status: 'running' }),
    { timeout: 30_000, interval: 50 },
  );
  return id;
}

const at = ({ vm_id, id }: VmProcess) => ({ vmId: vm_id, processId: id });
const start = (shell: string, more: object = {}): Promise<VmProcess> => client.startProcess(vmId, { shell, ...more });
const follow = (process: VmProcess, after = 0): Promise<ProcessEvent[]> =>
  Array.fromAsync(client.processOutput(at(process), { after, signal: deadline() }));
const textOf = (events: readonly ProcessEvent[], stream: 'stdout' | 'stderr'): string =>
  events.map((event) => (event.type === 'output' && event.stream === stream ? event.data : '')).join('');

async function endOf(process: VmProcess): Promise<VmProcess> {
  const last = (await follow(process)).at(-1);
  if (last?.type !== 'exit') throw new Error('The stream of a process ended without its exit.');
  return last.process;
}

/** Reads until a text has come on standard output, and leaves. */
async function waitFor(process: VmProcess, wanted: string): Promise<void> {
  let text = '';
  for await (const event of client.processOutput(at(process), { signal: deadline() })) {
    if (event.type === 'output') text += event.data;
    if (text.includes(wanted)) return;
  }
  throw new Error(`The process ended without ${wanted}: ${text}`);
}

describe('POST /api/v1/vms/:id/processes', () => {
  test('starts a program that goes on by itself, and shows how it ended', async () => {
    const process = await start('echo out; echo err >&2; exit 7');
    expect(process).toMatchObject({ vm_id: vmId, argv: ['bash', '-c', expect.any(String)], user: 'sandbox' });
    const events = await follow(process);
    expect([textOf(events, 'stdout'), textOf(events, 'stderr')]).toEqual(['out\n', 'err\n']);
    expect(await client.showProcess(at(process))).toMatchObject({
      state: 'ended',
      outcome: 'exited',
      exit_code: 7,
      stdout_bytes: 4,
      stderr_bytes: 4,
      truncated: false,
      dropped_bytes: 0,
    });
    expect((await client.listProcesses(vmId)).processes.map(({ id }) => id)).toContain(process.id);
  });

  test('passes arguments, directory, environment, user and standard input as they are', async () => {
    const argv = ['bash', '-c', 'printf "%s|" "$@" "$PWD" "$NAME" "$(id -un)" "$(cat)"', 'name', 'a b', '$x'];
    const wish = {
      argv,
      cwd: '/tmp',
      env: { NAME: 'v' },
      user: 'root',
      stdin: 'dHlwZWQ=',
      stdin_encoding: 'base64',
    } as const;
    const events = await follow(await client.startProcess(vmId, wish));
    expect(textOf(events, 'stdout')).toBe('a b|$x|/tmp|v|root|typed|');
  });

  test.each([
    [{ argv: ['no-such-program'] }, 400, 'INVALID_REQUEST'],
    [{ argv: ['true'], user: 'nobody-here' }, 400, 'INVALID_REQUEST'],
    [{ argv: ['true'], cwd: '/no/such/place' }, 400, 'INVALID_REQUEST'],
    [{ argv: ['true'], shell: 'true' }, 400, 'INVALID_REQUEST'],
    [{}, 400, 'INVALID_REQUEST'],
    [{ argv: ['a\0b'] }, 400, 'INVALID_REQUEST'],
    [{ shell: 'cat', stdin: '%', stdin_encoding: 'base64' }, 400, 'INVALID_REQUEST'],
  ])('refuses %j', async (body, status, code) => {
    const before = (await client.listProcesses(vmId)).processes.length;
    const response = await service.post(`/api/v1/vms/${vmId}/processes`, body);
    expect([response.status, ErrorBody.parse(await response.json()).code]).toEqual([status, code]);
    expect((await client.listProcesses(vmId)).processes).toHaveLength(before);
  });

  test('refuses more processes than a VM may have, and serves those that run', async () => {
    const processes = await Promise.all(Array.from({ length: 24 }, () => start('read', { keep_stdin: true })));
    const refused = await service.post(`/api/v1/vms/${vmId}/processes`, { shell: 'true' });
    expect(refused.status).toBe(429);
    expect(ErrorBody.parse(await refused.json())).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      context: { limit: 'max_processes', in_use: 24, max_processes: 24 },
    });
    await Promise.all(processes.map((process) => client.killProcess(at(process))));
    expect((await client.listProcesses(vmId)).running).toBe(0);
    expect(await client.exec(vmId, { shell: 'echo again' }, deadline())).toMatchObject({ stdout: 'again\n' });
  });

  test('starts a program once for an idempotency key', async () => {
    const headers = { 'idempotency-key': 'once' };
    const post = (shell: string): Promise<Response> =>
      service.post(`/api/v1/vms/${vmId}/processes`, { shell, stdin: 'x' }, { headers });
    const answers = await Promise.all([post('cat'), post('cat')]);
    const [first, second] = (await Promise.all(answers.map((answer) => answer.json()))) as VmProcess[];
    expect(second?.id).toBe(first?.id);
    const other = await post('cat -n');
    expect([other.status, ErrorBody.parse(await other.json()).code]).toEqual([409, 'CONFLICT']);
    expect((await post('cat')).status).toBe(201);
    const { processes } = await client.listProcesses(vmId);
    expect(processes.filter(({ argv }) => argv[2] === 'cat')).toHaveLength(1);
  });

  test('keeps the last of those that ended', async () => {
    const oldest = (await client.listProcesses(vmId)).processes[0];
    for (let round = 0; round < 4; round += 1)
      await Promise.all(Array.from({ length: 16 }, () => client.exec(vmId, { argv: ['true'] }, deadline())));
    expect((await client.listProcesses(vmId)).processes).toHaveLength(64);
    const address = { vmId, processId: oldest?.id ?? '' };
    await expect(client.showProcess(address)).rejects.toMatchObject({ code: 'PROCESS_NOT_FOUND' });
  });

  test('stops a process with all that it started at its time limit', async () => {
    const ended = await endOf(await start('sleep 300 & sleep 300', { timeout_ms: 500 }));
    expect(ended).toMatchObject({ outcome: 'timed-out', exit_code: -1, error_detail: { code: 'EXECUTION_TIMEOUT' } });
    expect((await client.exec(vmId, { shell: 'pgrep -c sleep' }, deadline())).stdout).toBe('0\n');
  });

  test('answers for VMs and processes that are not there', async () => {
    const unknown = { vmId: 'vm-00000000', processId: 'proc-0' };
    await expect(client.showProcess(unknown)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    await expect(client.startProcess(unknown.vmId, { shell: 'true' })).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    await expect(client.showProcess({ ...unknown, vmId })).rejects.toMatchObject({ code: 'PROCESS_NOT_FOUND' });
    await expect(client.killProcess({ ...unknown, vmId })).rejects.toMatchObject({ code: 'PROCESS_NOT_FOUND' });
  });
});

describe('GET .../output', () => {
  test('gives several readers all of it while it is written, and later ones from any offset', async () => {
    const process = await start('for i in 1 2 3; do read; echo "line $i"; done', { keep_stdin: true });
    const readers = [follow(process), follow(process), follow(process)];
    for (let line = 1; line <= 3; line += 1) {
      await client.writeStdin(at(process), { data: '\n' });
      await waitFor(process, `line ${line}\n`);
    }
    const all = 'line 1\nline 2\nline 3\n';
    for (const events of await Promise.all(readers)) {
      expect(textOf(events, 'stdout')).toBe(all);
      expect(events.filter(({ type }) => type === 'exit')).toHaveLength(1);
    }
    for (const offset of [0, 5, 7, all.length])
      expect(textOf(await follow(process, offset), 'stdout')).toBe(all.slice(offset));
    await expect(follow(process, all.length + 1)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('goes on at Last-Event-ID, and speaks lines of JSON', async () => {
    const process = await start('printf abcdef');
    await endOf(process);
    const path = `/api/v1/vms/${vmId}/processes/${process.id}/output`;
    const events = await (await service.call(path, { headers: { 'last-event-id': '4' } })).text();
    expect(events).toContain('id: 6\nevent: output\n');
    expect(events).toContain('"data":"ef"');
    const lines = await service.call(`${path}?after=2&encoding=base64`, {
      headers: { accept: 'application/x-ndjson' },
    });
    expect(lines.headers.get('content-type')).toContain('application/x-ndjson');
    const parsed = (await lines.text())
      .trimEnd()
      .split('\n')
      .map((line) => ProcessEvent.parse(JSON.parse(line)));
    expect(parsed).toMatchObject([
      { type: 'output', offset: 2, next_offset: 6, data: 'Y2RlZg==' },
      { type: 'exit', process: { exit_code: 0 } },
    ]);
  });

  test('keeps the newest output and tells how much is gone', async () => {
    const process = await start('seq -f %09.0f 100000');
    const ended = await endOf(process);
    expect(ended).toMatchObject({
      stdout_bytes: 1_000_000,
      truncated: true,
      dropped_bytes: 1_000_000 - keptBytes,
      first_offset: 1_000_000 - keptBytes,
      next_offset: 1_000_000,
    });
    const [gap, ...rest] = await follow(process);
    expect(gap).toEqual({
      type: 'output-dropped',
      offset: 0,
      next_offset: ended.first_offset,
      bytes: ended.dropped_bytes,
    });
    const kept = textOf(rest, 'stdout');
    expect(kept).toHaveLength(keptBytes);
    expect(kept.endsWith('000099999\n000100000\n')).toBe(true);
  });

  test('refuses more readers than a process has', async () => {
    const process = await start('read', { keep_stdin: true });
    const path = `/api/v1/vms/${vmId}/processes/${process.id}/output`;
    const leaving = new AbortController();
    const readers = Array.from({ length: 16 }, () => service.call(path, { signal: leaving.signal }));
    await Promise.all(readers);
    const refused = await service.call(path);
    expect([refused.status, ErrorBody.parse(await refused.json()).code]).toEqual([429, 'LIMIT_EXCEEDED']);
    leaving.abort();
    await client.writeStdin(at(process), { end: true });
    expect(await endOf(process)).toMatchObject({ outcome: 'exited', exit_code: 1 });
  });
});

describe('orders to a process', () => {
  test('a signal reaches the program, which may answer it', async () => {
    const process = await start('trap "echo caught; exit 5" USR1; echo ready; while :; do read -t 1; done', {
      keep_stdin: true,
    });
    await waitFor(process, 'ready\n');
    await client.signalProcess(at(process), { signal: 'SIGUSR1' });
    const events = await follow(process);
    expect(textOf(events, 'stdout')).toBe('ready\ncaught\n');
    expect(events.at(-1)).toMatchObject({ process: { outcome: 'exited', exit_code: 5 } });
  });

  test('a signal that ends it is named, and a process that has ended takes no more', async () => {
    const process = await start('sleep 300 & echo ready; wait');
    await waitFor(process, 'ready\n');
    await client.signalProcess(at(process), { signal: 'SIGTERM', tree: true });
    expect(await endOf(process)).toMatchObject({ outcome: 'signalled', exit_code: -1, signal: 'SIGTERM' });
    await expect(client.signalProcess(at(process), { signal: 'SIGTERM' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(client.writeStdin(at(process), { data: 'x' })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('DELETE kills the whole tree, daemons too, and may be repeated', async () => {
    const process = await start('trap "" TERM; setsid sleep 301 & setsid sleep 302 & echo ready; wait');
    await waitFor(process, 'ready\n');
    expect(await client.killProcess(at(process))).toMatchObject({ state: 'ended', outcome: 'killed', exit_code: -1 });
    expect((await client.exec(vmId, { shell: 'pgrep -c sleep' }, deadline())).stdout).toBe('0\n');
    expect(await client.killProcess(at(process))).toMatchObject({ outcome: 'killed' });
  });

  test('standard input is written in parts and closed', async () => {
    const process = await start('cat', { stdin: 'first ', keep_stdin: true });
    expect(await client.writeStdin(at(process), { data: 'c2Vjb25k', encoding: 'base64' })).toBe(6);
    await client.writeStdin(at(process), { end: true });
    expect(textOf(await follow(process), 'stdout')).toBe('first second');
  });

  test('standard input that was not kept open refuses data', async () => {
    const process = await start('sleep 300');
    await expect(client.writeStdin(at(process), { data: 'x' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await client.killProcess(at(process));
  });
});

describe('POST /api/v1/vms/:id/exec', () => {
  test('waits and gives both streams', async () => {
    const result = await client.exec(
      vmId,
      { argv: ['bash', '-c', 'cat; echo e >&2; exit 3'], stdin: 'in' },
      deadline(),
    );
    expect(result).toMatchObject({ outcome: 'exited', exit_code: 3, stdout: 'in', stderr: 'e\n', truncated: false });
  });

  test('says how much output it does not give', async () => {
    const result = await client.exec(vmId, { shell: 'seq -f %09.0f 100000' }, deadline());
    expect(result).toMatchObject({ truncated: true, dropped_bytes: 1_000_000 - keptBytes });
    expect(result.stdout).toHaveLength(keptBytes);
  });

  test('answers timed-out at its limit', async () => {
    const result = await client.exec(vmId, { shell: 'echo begun; sleep 300', timeout_ms: 500 }, deadline());
    expect(result).toMatchObject({
      outcome: 'timed-out',
      stdout: 'begun\n',
      error_detail: { code: 'EXECUTION_TIMEOUT' },
    });
  });

  test('a client that leaves kills the tree', async () => {
    const leaving = new AbortController();
    const answer = client.exec(vmId, { shell: 'setsid sleep 303 & touch /tmp/begun; sleep 304' }, leaving.signal);
    const isThere = async (): Promise<number> =>
      (await client.exec(vmId, { argv: ['test', '-e', '/tmp/begun'] }, deadline())).exit_code;
    await expect.poll(isThere, { timeout: 20_000 }).toBe(0);
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(async () => (await client.listProcesses(vmId)).running, { timeout: 20_000 }).toBe(0);
    expect((await client.exec(vmId, { shell: 'pgrep -c sleep' }, deadline())).stdout).toBe('0\n');
  });
});

describe('a VM that is paused', () => {
  test('keeps its processes and those who follow them, and is resumed by the next order', async () => {
    const id = await makeVm({ env: { GREETING: 'hello', NAME: 'vm' } });
    const wish = {
      shell: 'echo $GREETING $NAME; read; echo more',
      keep_stdin: true,
      env: { NAME: 'process' },
      timeout_ms: 30_000,
    };
    const process = await client.startProcess(id, wish);
    const events = follow(process);
    await waitFor(process, 'hello process\n');
    const state = async (): Promise<unknown> => (await service.call(`/api/v1/vms/${id}`)).json();
    expect((await service.post(`/api/v1/vms/${id}/pause`, {})).status).toBe(200);
    expect(await state()).toMatchObject({ status: 'paused' });
    expect(await client.showProcess(at(process))).toMatchObject({ state: 'running' });
    await client.writeStdin(at(process), { data: '\n' });
    expect(await state()).toMatchObject({ status: 'running' });
    expect(textOf(await events, 'stdout')).toBe('hello process\nmore\n');
    await service.call(`/api/v1/vms/${id}`, { method: 'DELETE' });
  });
});

describe('a VM that ends', () => {
  test('ends its processes when it is deleted, and tells those who follow them', async () => {
    const id = await makeVm();
    const process = await client.startProcess(id, { shell: 'echo ready; sleep 300' });
    const events = follow(process);
    await waitFor(process, 'ready\n');
    await service.call(`/api/v1/vms/${id}`, { method: 'DELETE' });
    expect((await events).at(-1)).toMatchObject({
      process: { outcome: 'vm-stopped', exit_code: -1, error_detail: { code: 'EXECUTION_CANCELLED' } },
    });
    await expect(client.listProcesses(id)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  test('ends its processes with VM_LOST when it dies; what they wrote stays', async () => {
    const process = await start('echo ready; sleep 300');
    const events = follow(process);
    const answer = client.exec(vmId, { shell: 'sleep 300' }, deadline());
    await waitFor(process, 'ready\n');
    await expect.poll(async () => (await client.listProcesses(vmId)).running).toBe(2);
    await killMachines(service.dataDir);
    const lost = { outcome: 'vm-lost', exit_code: -1, error_detail: { code: 'VM_LOST' } };
    expect((await events).at(-1)).toMatchObject({ process: lost });
    expect(await answer).toMatchObject(lost);
    expect(textOf(await follow(process), 'stdout')).toBe('ready\n');
    await expect(start('true')).rejects.toMatchObject({ code: 'VM_LOST' });
  });
});
