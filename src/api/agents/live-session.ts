import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { toRunId } from '../../contracts/ids.ts';
import type { Principal } from '../../contracts/principal.ts';
import type { RunEvent } from '../../contracts/runs.ts';
import { mayNameModelAddress } from '../../gateway/index.ts';
import { toRegistryError } from '../../http/index.ts';
import type { Runs } from '../../workflows/index.ts';
import { type Command, type Frame, commands, parseCommand, writeFrame } from './live-frames.ts';

const capabilities = ['workflow_monitoring', 'real_time_updates', 'command_execution', 'session_management'];
/** A client that reads slower than events come is dropped when this much waits for it. */
const maxWaitingBytes = 4 * 1024 * 1024;
const maxSubscriptions = 100;

const SubscribeData = z.object({ after: z.number().int().min(0).optional() }).nullish();
const ExecuteData = z.object({
  type: z.string().max(100),
  prompt: z.string().trim().min(1).max(20_000),
  role: z.string().max(200).nullish(),
  overall_role: z.string().max(200).nullish(),
});

export interface LiveSessionOptions {
  readonly socket: WebSocket;
  readonly runs: Runs;
  readonly principal: Principal;
  readonly client: string;
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal;
}

/** One live connection: answers its commands and sends it frames about runs. */
export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #id = crypto.randomUUID();
  readonly #connectedAt = Date.now();
  /** Runs that the client asked for; without any it gets the frames of all. */
  readonly #subscribed = new Set<string>();

  constructor(options: LiveSessionOptions) {
    this.#options = options;
  }

  /** Greets, then sends a frame for every event that concerns the client until the connection is gone. */
  async run(): Promise<void> {
    const { runs, signal } = this.#options;
    this.#send({
      type: 'connection_established',
      data: {
        message: 'Connected.',
        session_id: this.#id,
        server_time: new Date().toISOString(),
        capabilities,
      },
    });
    for await (const event of runs.allEvents({ signal })) {
      if (this.#subscribed.size > 0 && !this.#subscribed.has(event.run_id)) continue;
      const frame = await this.#toFrame(event);
      if (frame !== undefined) this.#send(frame);
    }
  }

  /** Answers one message; an error is answered as a frame and ends nothing. */
  async receive(data: RawData, isBinary: boolean): Promise<void> {
    try {
      if (isBinary) throw new BigboxError('INVALID_REQUEST', { message: 'The frame is binary, expected text.' });
      const command = parseCommand(String(data as Buffer));
      await this.#answer(command);
    } catch (thrown) {
      const error = toRegistryError(thrown);
      this.#send({ type: 'error', data: { message: error.message, available_commands: commands }, error });
    }
  }

  async #answer(command: Command): Promise<void> {
    switch (command.command_type) {
      case 'subscribe_workflow':
        return this.#subscribe(command);
      case 'unsubscribe_workflow':
        this.#subscribed.delete(this.#runIdOf(command));
        return this.#send({
          type: 'workflow_unsubscribed',
          workflowId: this.#runIdOf(command),
          data: { remaining_subscriptions: this.#subscribed.size },
        });
      case 'get_workflow_status': {
        const id = this.#runIdOf(command);
        return this.#send({ type: 'workflow_status', workflowId: id, data: await this.#options.runs.get(toRunId(id)) });
      }
      case 'list_active_workflows':
        return this.#listActive();
      case 'get_session_info':
        return this.#describeSession();
      case 'execute_workflow':
        return this.#execute(command);
      case 'ping':
      case 'heartbeat':
        return this.#send({
          type: 'pong',
          data: { message: 'pong', server_time: new Date().toISOString(), latency_test: command.data ?? null },
        });
    }
  }

  #runIdOf({ workflow_id: id }: Command): string {
    if (typeof id === 'string' && id !== '') return id;
    throw new BigboxError('INVALID_REQUEST', { message: 'frame.workflow_id is missing, expected the id of a run.' });
  }

  /** With `data.after` the client also gets every event of the run itself, from that number on, as `workflow_event`. */
  async #subscribe(command: Command): Promise<void> {
    const id = this.#runIdOf(command);
    const { runs, signal } = this.#options;
    const parsed = SubscribeData.safeParse(command.data);
    await runs.get(toRunId(id));
    if (this.#subscribed.size >= maxSubscriptions)
      throw new BigboxError('LIMIT_EXCEEDED', {
        message: `The connection has ${maxSubscriptions} subscriptions, the most it may have.`,
        context: { limit: maxSubscriptions },
      });
    this.#subscribed.add(id);
    this.#send({
      type: 'workflow_subscribed',
      workflowId: id,
      data: { message: 'Subscribed.', workflow_id: id, total_subscriptions: this.#subscribed.size },
    });
    const after = parsed.success ? parsed.data?.after : undefined;
    if (after === undefined) return;
    for await (const event of runs.events(toRunId(id), { after, signal })) {
      if (!this.#subscribed.has(id)) return;
      this.#send({ type: 'workflow_event', workflowId: id, data: event });
    }
  }

  async #listActive(): Promise<void> {
    const runs = await this.#options.runs.list({ limit: 500 });
    const active = runs.filter(({ status }) => status === 'pending' || status === 'running');
    this.#send({ type: 'active_workflows_list', data: { active_workflows: active, total_count: active.length } });
  }

  #describeSession(): void {
    this.#send({
      type: 'session_info',
      data: {
        session_id: this.#id,
        connected_at: new Date(this.#connectedAt).toISOString(),
        subscribed_workflows: [...this.#subscribed],
        client_info: { user_agent: this.#options.client },
        connection_duration: Math.round((Date.now() - this.#connectedAt) / 1000),
      },
    });
  }

  async #execute(command: Command): Promise<void> {
    const parsed = ExecuteData.safeParse(command.data);
    if (!parsed.success)
      throw new BigboxError('INVALID_REQUEST', {
        message: 'frame.data is not as expected: type, prompt, role and overall_role.',
      });
    const { type, prompt, role, overall_role: overallRole } = parsed.data;
    if (type !== 'parallel' && type !== 'parallelization')
      throw new BigboxError('NOT_SUPPORTED', { message: `The workflow pattern ${type} is not built in this version.` });
    const { runs, principal } = this.#options;
    await runs.start(
      {
        prompt,
        ...(role === null || role === undefined ? {} : { role }),
        ...(overallRole === null || overallRole === undefined ? {} : { overall_role: overallRole }),
      },
      { principal, mayNameAddress: mayNameModelAddress(principal) },
    );
  }

  /** Upstream's frame for an event; text and output have none, they are read as events. */
  async #toFrame(event: RunEvent): Promise<Frame | undefined> {
    const { run_id: workflowId, at } = event;
    if (event.type === 'run-started')
      return { type: 'workflow_started', workflowId, data: { pattern: 'parallelization', started_at: at } };
    if (event.type === 'run-finished') return this.#toEndFrame(event);
    if (event.type !== 'step-finished' && event.type !== 'step-failed' && event.type !== 'agent-changed')
      return undefined;
    const { status, progress, current_step: step } = await this.#options.runs.get(toRunId(workflowId));
    return { type: 'workflow_progress', workflowId, data: { status, progress, current_step: step ?? null } };
  }

  async #toEndFrame({ run_id: workflowId, at }: RunEvent): Promise<Frame> {
    const run = await this.#options.runs.get(toRunId(workflowId));
    if (run.status === 'completed')
      return {
        type: 'workflow_completed',
        workflowId,
        data: {
          result: run.result,
          completed_at: at,
          execution_time: Math.max(0, Date.parse(at) - Date.parse(run.started_at)),
        },
      };
    const message = run.error ?? `The run is ${run.status}.`;
    return { type: 'workflow_error', workflowId, data: { error: message, status: run.status, failed_at: at } };
  }

  #send(frame: Frame): void {
    const { socket } = this.#options;
    if (socket.bufferedAmount > maxWaitingBytes) {
      socket.terminate();
      return;
    }
    if (socket.readyState === socket.OPEN) socket.send(writeFrame(frame, this.#id));
  }
}
