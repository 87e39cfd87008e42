import { toBigboxError } from '../../contracts/errors.ts';
import type { SystemStatus, VmServiceHealth } from '../../contracts/health.ts';
import type { ModelSource } from '../../contracts/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import type { VmClient } from '../../sdk/index.ts';

type ModelState = SystemStatus['model'];
type VmState = SystemStatus['vm'];

/** Something that is looked at now and then: the answer is the last one known, and at most one look is under way. */
class Watched<TValue> {
  readonly #look: () => Promise<TValue>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  #last: { readonly value: TValue; readonly at: number } | undefined;
  #looking: Promise<TValue> | undefined;

  constructor(look: () => Promise<TValue>, options: { readonly clock: Clock; readonly maxAgeMs: number }) {
    this.#look = look;
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs;
  }

  get last(): TValue | undefined {
    return this.#last?.value;
  }

  /** Waits a moment for a fresh answer; gives the last one, or undefined before the first, when it takes longer. */
  async read(patienceMs: number): Promise<TValue | undefined> {
    if (this.#last !== undefined && this.#clock.monotonic() - this.#last.at < this.#maxAgeMs) return this.#last.value;
    this.#looking ??= this.#look()
      .then((value) => {
        this.#last = { value, at: this.#clock.monotonic() };
        return value;
      })
      .finally(() => {
        this.#looking = undefined;
      });
    const giveUp = new AbortController();
    const patience = this.#clock.sleep(patienceMs, giveUp.signal).catch(() => undefined);
    try {
      return await Promise.race([this.#looking, patience.then(() => this.last)]);
    } finally {
      giveUp.abort();
    }
  }
}

export interface SystemWatchOptions {
  readonly models: ModelSource;
  readonly vms: VmClient;
  readonly clock: Clock;
  /** Aborts what is under way when the server stops. */
  readonly signal: AbortSignal;
}

/** Knows the state of the model and of the VM service. */
export interface SystemWatch {
  read(): Promise<{ readonly model: ModelState; readonly vm: VmState }>;
  /** One sentence for each part that was found not to work at the last look. */
  problems(): readonly string[];
}

const patienceMs = 1500;

/** Creates the watch. A look may start the pull of the configured model, which `starting` says. */
export function createSystemWatch({ models, vms, clock, signal }: SystemWatchOptions): SystemWatch {
  const model = new Watched(() => lookAtModel(models, signal), { clock, maxAgeMs: 5000 });
  const vm = new Watched(() => lookAtVms(vms, signal), { clock, maxAgeMs: 2000 });
  return {
    async read() {
      const [modelNow, vmNow] = await Promise.all([model.read(patienceMs), vm.read(patienceMs)]);
      return {
        model: modelNow ?? { state: 'starting', note: 'The model server has not answered yet.' },
        vm: vmNow ?? { state: 'starting', note: 'The VM service has not answered yet.' },
      };
    },
    problems: () =>
      [model.last, vm.last].flatMap((part) =>
        part?.state === 'unavailable' ? [part.note ?? 'A part does not answer.'] : [],
      ),
  };
}

async function lookAtModel(models: ModelSource, signal: AbortSignal): Promise<ModelState> {
  try {
    const { model, requested, substitutedBecause } = await models.resolve({}, { mayNameAddress: false, signal });
    return {
      state: 'ready',
      provider: model.provider,
      name: model.name,
      ...(requested === undefined ? {} : { requested }),
      ...(substitutedBecause === undefined
        ? {}
        : { note: `${model.name} serves in place of ${requested ?? 'the model asked for'}: ${substitutedBecause}.` }),
    };
  } catch (error) {
    return { state: 'unavailable', note: toBigboxError(error).message };
  }
}

function toVmState(health: VmServiceHealth): VmState {
  const { status, driver, accelerator, problems } = health;
  const emulated = accelerator === 'tcg' ? ['Emulated, as this machine has no working KVM: slow.'] : [];
  const note = [...problems, ...emulated].join(' ');
  return {
    state: status === 'healthy' ? 'ready' : status === 'starting' ? 'starting' : 'unavailable',
    ...(driver === undefined ? {} : { driver }),
    ...(accelerator === undefined ? {} : { accelerator }),
    ...(note === '' ? {} : { note }),
  };
}

async function lookAtVms(vms: VmClient, signal: AbortSignal): Promise<VmState> {
  try {
    return toVmState(await vms.health(AbortSignal.any([signal, AbortSignal.timeout(5000)])));
  } catch {
    return { state: 'unavailable', note: 'The VM service does not answer.' };
  }
}
