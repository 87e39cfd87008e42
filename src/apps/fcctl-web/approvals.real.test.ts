import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import type { Approval } from '../../contracts/approvals.ts';
import type { ExecuteResponse, ExecutionEvent } from '../../contracts/execution.ts';
import { RemoteApprover } from '../../gateway/index.ts';
import { silentLogger } from '../../lib/log.ts';
import { type AgentClient, createAgentClient, createVmClient, type VmClient } from '../../sdk/index.ts';
import { dangerousPatterns } from '../../vm/index.ts';
import { instanceFiles } from '../all/index.ts';
import { type RunningAgentServer, startAgentServer } from '../terraphim-server/index.ts';

const nowhere = 'http://127.0.0.1:1';
let dataDir: string;
let agents: RunningAgentServer;
let vms: TestVmService;
let key: string;
let person: AgentClient;
let client: VmClient;

const startAgents = (port: number): Promise<RunningAgentServer> =>
  startAgentServer({
    dataDir,
    port,
    model: {},
    modelServiceUrl: nowhere,
    vmUrl: nowhere,
    execution: { enabled: false, languages: [] },
    limits: { concurrentRuns: 1, concurrentModelCalls: 1 },
    openOnLoopback: false,
    allowedOrigins: [],
    configuration: {},
    notices: [],
    logger: silentLogger,
  });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-approvals-'));
  agents = await startAgents(0);
  key = (await readFile(instanceFiles(dataDir).serviceKey, 'utf8')).trim();
  person = createAgentClient({ baseUrl: agents.url, key });
  vms = await startTestVmService({
    serviceKey: key,
    pool: { least: 1, most: 1, memoryBytes: 2 ** 30 },
    hooks: {
      rules: [
        ...dangerousPatterns('ask'),
        { name: 'secure', pattern: /http:/, decision: 'modify', reason: 'Only https.', replacement: 'https:' },
        { name: 'no-mining', pattern: /xmrig/, decision: 'block', reason: 'It mines.' },
      ],
      checkThrowAway: true,
      redactSecrets: true,
      approver: new RemoteApprover({ serviceKey: key, url: `${agents.url}/api/v1/approvals`, timeoutSeconds: 60 }),
    },
  });
  client = createVmClient({ baseUrl: vms.url, key });
});
afterAll(async () => {
  await vms.close();
  await agents.close();
  await rm(dataDir, { recursive: true, force: true });
});

let controller: AbortController;
beforeEach(() => {
  controller = new AbortController();
});
afterEach(() => controller.abort());

const begin = (code: string, environment = {}): AsyncIterator<ExecutionEvent> =>
  client
    .execute({ agent_id: 'tester', language: 'bash', code, environment }, controller.signal)
    [Symbol.asyncIterator]();

/** The last event. */
async function finish(events: AsyncIterator<ExecutionEvent>): Promise<ExecutionEvent | undefined> {
  let last: ExecutionEvent | undefined;
  for (let step = await events.next(); step.done !== true; step = await events.next()) last = step.value;
  return last;
}

async function waiting(events: AsyncIterator<ExecutionEvent>): Promise<Approval> {
  expect((await events.next()).value).toMatchObject({ type: 'approval-requested' });
  const [approval] = await person.approvals('waiting');
  if (approval === undefined) throw new Error('nothing waits');
  return approval;
}

const resultOf = (event: ExecutionEvent | undefined): ExecuteResponse => {
  if (event?.type !== 'execution-finished') throw new Error(`ended with ${JSON.stringify(event)}`);
  return event.result;
};

describe('a rule that asks', () => {
  const risky = 'echo before; reboot --help > /dev/null 2>&1; true\nreboot --version > /dev/null; echo after';

  test('lets code run only when a person approved it, as they changed it', async () => {
    const events = begin(risky);
    const approval = await waiting(events);
    expect(approval).toMatchObject({ hook: 'power-off', agent_id: 'tester', code: risky, state: 'waiting' });
    await person.decideApproval(approval.id, { decision: 'approve', code: 'echo changed' });
    const result = resultOf(await finish(events));
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'changed\n' });
    expect(result.decisions).toMatchObject([{ hook: 'power-off', decision: 'ask' }]);
    await expect(person.decideApproval(approval.id, { decision: 'reject' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  test('runs nothing when a person rejects it, and tells why', async () => {
    const events = begin(risky);
    const { id } = await waiting(events);
    await person.decideApproval(id, { decision: 'reject', comment: 'Not today.' });
    expect(await finish(events)).toMatchObject({
      type: 'execution-failed',
      error: { code: 'APPROVAL_REJECTED', message: expect.stringContaining('Not today.') as string },
    });
  });

  test('is withdrawn when who asked leaves', async () => {
    const { id } = await waiting(begin(risky));
    controller.abort();
    await expect.poll(async () => (await person.approvals()).find((one) => one.id === id)?.state).toBe('withdrawn');
  });

  test('goes on waiting over a restart of the agent server', async () => {
    const events = begin(risky);
    const { id } = await waiting(events);
    const { port } = new URL(agents.url);
    await agents.close();
    agents = await startAgents(Number(port));
    await person.decideApproval(id, { decision: 'approve', code: 'echo later' });
    expect(resultOf(await finish(events))).toMatchObject({ stdout: 'later\n' });
  });
});

test('rules that change and block code do so before a VM is taken', async () => {
  expect(resultOf(await finish(begin('echo http://a'))).stdout).toBe('https://a\n');
  expect(await finish(begin('xmrig'))).toMatchObject({
    type: 'execution-failed',
    error: { code: 'EXECUTION_BLOCKED' },
  });
});

test('secrets do not leave the VM, neither in events nor in the result', async () => {
  const secret = 'correct-horse-battery';
  const events = begin('printf "a $MY_TOKEN b\\nghp_%s\\n" $(printf "x%.0s" $(seq 36))', { MY_TOKEN: secret });
  let shown = '';
  let last: ExecutionEvent | undefined;
  for (let step = await events.next(); step.done !== true; step = await events.next()) {
    last = step.value;
    if (last.type === 'output-delta') shown += last.text;
  }
  const result = resultOf(last);
  expect(result.stdout).toBe('a [redacted] b\n[redacted]\n');
  expect(shown).toBe(result.stdout);
  expect(result.warnings).toEqual(['Secrets in the output were redacted: 2.']);
});
