import { BigboxError } from '../../contracts/errors.ts';
import { EmbeddedModel, fastestThreads } from '../../llm/embedded/index.ts';
import { createLogger } from '../../lib/log.ts';
import { type FromWorker, ToWorker } from './protocol.ts';
import { SpeedMeter } from './speed-meter.ts';

/** The process in which llama.cpp runs. It serves its parent over IPC, ends with it, and may crash without taking it along. */
const logger = createLogger('model-worker', 'info');
const meter = new SpeedMeter();
const running = new Map<number, AbortController>();
const sampleMs = 1_000;
let model: EmbeddedModel | undefined;

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function open(options: Extract<ToWorker, { type: 'open' }>): Promise<void> {
  const opened = await EmbeddedModel.open({ ...options, logger });
  meter.take();
  const speeds = options.speeds ?? (await opened.calibrate(options.cores));
  const { ownBusyCores } = meter.take();
  opened.setThreads(fastestThreads(speeds));
  model = opened;
  setInterval(() => send({ type: 'speed', ...meter.take() }), sampleMs).unref();
  send({
    type: 'ready',
    facts: opened.facts,
    speeds: [...speeds],
    measured: options.speeds === undefined,
    ownBusyCores,
  });
}

function reasonOf(error: unknown, signal: AbortSignal): 'invalid' | 'aborted' | 'fault' {
  if (signal.aborted) return 'aborted';
  return error instanceof BigboxError && error.code === 'INVALID_REQUEST' ? 'invalid' : 'fault';
}

async function generate({ id, request }: Extract<ToWorker, { type: 'generate' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  meter.begin(id);
  try {
    if (model === undefined) throw new Error('The model is not loaded.');
    const result = await model.generate(request, {
      onText: (text) => {
        if (text !== '') send({ type: 'text', id, text });
      },
      onTokens: (count) => meter.count(id, count),
      signal: controller.signal,
    });
    send({ type: 'end', id, result });
  } catch (error) {
    const reason = reasonOf(error, controller.signal);
    if (reason === 'fault') logger.error({ err: error, id }, 'A generation failed.');
    send({ type: 'failed', id, reason, message: messageOf(error) });
  } finally {
    running.delete(id);
    meter.end(id);
  }
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'open':
      return open(message);
    case 'generate':
      return generate(message);
    case 'abort':
      running.get(message.id)?.abort(new Error('aborted'));
      return undefined;
    case 'threads':
      model?.setThreads(message.threads);
      return undefined;
  }
}

process.on('message', (message) => {
  handle(ToWorker.parse(message)).catch((error: unknown) => {
    logger.error({ err: error }, 'The model cannot be used.');
    send({ type: 'unusable', message: messageOf(error) });
  });
});
process.on('disconnect', () => process.exit(0));
// A terminal sends its interrupt to every process of the group; the parent decides when this one ends.
process.on('SIGINT', () => undefined);
