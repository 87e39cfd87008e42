import { BigboxError } from '../../../src/contracts/errors.ts';
import type { VmClient } from '../../../src/sdk/index.ts';
import type { Random } from '../../hostile/support/random.ts';

/** What must be found of a VM whatever was killed. */
export interface ExpectedVm {
  /** Files whose writing was acknowledged. */
  readonly files: Map<string, string>;
  isPaused: boolean;
}

/** A call that was not answered: sent again with its key it gives what it made, if it made anything. */
export interface Unanswered {
  readonly what: string;
  /** The VM that may be gone already. */
  readonly deletes?: string;
  readonly again: (client: VmClient) => Promise<void>;
}

const patienceMs = 60_000;
const mostVms = 3;
const deadline = (): AbortSignal => AbortSignal.timeout(patienceMs);

/** A user who makes, uses and deletes VMs of their own, one call after the other, and remembers what was acknowledged. */
export class VmWorker {
  readonly vms = new Map<string, ExpectedVm>();
  readonly snapshots = new Map<string, ReadonlyMap<string, string>>();
  readonly answered = new Map<string, number>();
  unanswered: Unanswered | undefined;
  readonly #random: Random;
  readonly #name: string;
  #calls = 0;

  constructor(name: string, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  /** Makes a first VM. */
  begin(client: VmClient): Promise<void> {
    return this.#create(`${this.#name}-0`).again(client);
  }

  /** Works until a call is not answered because the service was killed. Throws every other failure. */
  async workUntil(killed: AbortSignal, client: VmClient): Promise<void> {
    while (!killed.aborted) {
      const call = this.#choose();
      try {
        await call.again(client);
        this.answered.set(call.what, (this.answered.get(call.what) ?? 0) + 1);
      } catch (error) {
        if (!killed.aborted) throw error;
        this.unanswered = call;
      }
    }
  }

  /** Sends the call again that was not answered, with the same key. */
  async settle(client: VmClient): Promise<void> {
    await this.unanswered?.again(client);
    this.unanswered = undefined;
  }

  #choose(): Unanswered {
    const [vmId] = [...this.vms.keys()].toSorted(() => this.#random.below(3) - 1);
    this.#calls += 1;
    const key = `${this.#name}-${this.#calls}`;
    if (vmId === undefined) return this.#create(key);
    const [snapshotId] = this.snapshots.keys();
    const isFull = this.vms.size >= mostVms;
    const choice = this.#random.below(12);
    if (choice < 2) return isFull ? this.#delete(vmId) : this.#create(key);
    if (choice < 4) return snapshotId === undefined ? this.#snapshot(vmId, key) : this.#deleteSnapshot(snapshotId);
    if (choice < 5) return isFull ? this.#delete(vmId) : this.#fork(vmId, key);
    if (choice < 6) return this.#pause(vmId);
    return choice < 9 ? this.#write(vmId, key) : this.#exec(vmId, key);
  }

  #create(idempotencyKey: string): Unanswered {
    return {
      what: 'create',
      again: async (client) => {
        const { id } = await client.createVm({ name: idempotencyKey, idempotencyKey });
        this.vms.set(id, { files: new Map(), isPaused: false });
        await untilRunning(client, id);
      },
    };
  }

  #write(vmId: string, name: string): Unanswered {
    const path = `/home/sandbox/${name}`;
    return {
      what: 'write',
      again: async (client) => {
        this.#used(vmId);
        await client.writeFile({ vmId, path, data: Buffer.from(name) }, deadline());
        this.#used(vmId).files.set(path, name);
      },
    };
  }

  #exec(vmId: string, name: string): Unanswered {
    const path = `/dev/shm/${name}`;
    return {
      what: 'exec',
      again: async (client) => {
        this.#used(vmId);
        const { exit_code: code } = await client.exec(vmId, { shell: `printf ${name} > ${path}` }, deadline());
        if (code !== 0) throw new Error(`exec ended with ${code}`);
        this.#used(vmId).files.set(path, name);
      },
    };
  }

  #pause(vmId: string): Unanswered {
    return {
      what: 'pause',
      again: async (client) => {
        await client.pauseVm(vmId);
        this.#used(vmId).isPaused = true;
      },
    };
  }

  #snapshot(vmId: string, idempotencyKey: string): Unanswered {
    const files = new Map(this.#used(vmId).files);
    return {
      what: 'snapshot',
      again: async (client) => {
        const { id } = await client.createSnapshot(vmId, { idempotencyKey }, deadline());
        this.snapshots.set(id, files);
      },
    };
  }

  #fork(vmId: string, idempotencyKey: string): Unanswered {
    const files = new Map(this.#used(vmId).files);
    const count = 1 + this.#random.below(2);
    return {
      what: 'fork',
      again: async (client) => {
        const forks = await client.forkVm(vmId, { count, idempotencyKey });
        for (const { id } of forks) this.vms.set(id, { files: new Map(files), isPaused: false });
        await Promise.all(forks.map(({ id }) => untilRunning(client, id)));
      },
    };
  }

  #delete(vmId: string): Unanswered {
    return {
      what: 'delete',
      deletes: vmId,
      again: async (client) => {
        await unlessGone(client.deleteVm(vmId));
        this.vms.delete(vmId);
      },
    };
  }

  #deleteSnapshot(id: string): Unanswered {
    return {
      what: 'delete snapshot',
      again: async (client) => {
        await unlessGone(client.deleteSnapshot(id, deadline()));
        this.snapshots.delete(id);
      },
    };
  }

  /** A call resumes a paused VM. */
  #used(vmId: string): ExpectedVm {
    const vm = this.vms.get(vmId);
    if (vm === undefined) throw new Error(`${vmId} is not known`);
    vm.isPaused = false;
    return vm;
  }
}

/** Waits until the VM takes commands. Throws the error of one that failed. */
export async function untilRunning(client: VmClient, id: string): Promise<void> {
  const end = performance.now() + patienceMs;
  for (let vm = await client.vm(id); vm.status !== 'running' && vm.status !== 'paused'; vm = await client.vm(id)) {
    if (vm.error_detail !== undefined) throw new Error(`${id} failed: ${vm.error_detail.message}`);
    if (performance.now() > end) throw new Error(`${id} is still ${vm.status}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A deletion that was not answered may have been done. */
async function unlessGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    const isGone = error instanceof BigboxError && ['VM_NOT_FOUND', 'VM_SNAPSHOT_NOT_FOUND'].includes(error.code);
    if (!isGone) throw error;
  }
}
