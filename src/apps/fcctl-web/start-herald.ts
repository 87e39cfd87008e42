import type { Logger } from '../../lib/log.ts';

/** Longer than a start takes; renewed by the next one, and given back when starting ends. */
const yieldMs = 15_000;
const requestTimeoutMs = 2000;

/** Creates the hook that asks the model service for one processor while VMs start. A model service that is away is no fault. */
export function createStartHerald(modelServiceUrl: string, logger: Logger): (isStarting: boolean) => void {
  return (isStarting) => {
    const body = JSON.stringify({ holder: 'vm-service', milliseconds: isStarting ? yieldMs : 0 });
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(requestTimeoutMs);
    fetch(`${modelServiceUrl}/bigbox/yield`, { method: 'POST', headers, body, signal }).then(
      (response) => response.body?.cancel(),
      (error: Error) => logger.debug({ reason: error.message }, 'the model service was not told of a start'),
    );
  };
}
