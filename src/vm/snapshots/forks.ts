import type { Logger } from '../../lib/log.ts';
import { IdempotencyKeys, toRequest } from '../idempotency-keys.ts';
import type { Limits } from '../limits/limits.ts';
import type { NamedVm } from '../named/named-vm.ts';
import type { NamedVms } from '../named/named-vms.ts';
import type { ForkRecord, ForkRecords } from './fork-records.ts';
import type { Snapshots } from './snapshots.ts';

export interface ForksOptions {
  readonly named: NamedVms;
  readonly snapshots: Snapshots;
  readonly limits: Limits;
  readonly records: ForkRecords;
  /** Calls of an earlier owner whose forks exist. */
  readonly earlier: readonly ForkRecord[];
  readonly logger: Logger;
}

export interface ForkWish {
  readonly count: number;
  /** The forks are called so, with a number behind; after the source without it. */
  readonly name?: string;
  /** Added to the labels of the source. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const maxKeysKept = 1000;

/** Makes VMs that go on from where a living one stands. */
export class Forks {
  readonly #options: ForksOptions;
  readonly #keys = new IdempotencyKeys<Promise<readonly NamedVm[]>>(maxKeysKept);

  readonly #discarding = new Set<Promise<void>>();

  constructor(options: ForksOptions) {
    this.#options = options;
    for (const record of options.earlier) this.#goOn(record);
  }

  /** Waits until no copy is left; the VMs must be deleted before. */
  async close(): Promise<void> {
    await Promise.all(this.#discarding);
  }

  /**
   * Copies a VM once, lets it go on, and begins to make the forks of the copy, with the environment, the timeout and the labels of
   * the source. The same wish with the same idempotency key gives the first one's. Throws VM_NOT_FOUND, LIMIT_EXCEEDED, CONFLICT, and
   * what `NamedVms.capture` throws; no fork is left then.
   */
  fork(vmId: string, wish: ForkWish, idempotencyKey?: string): Promise<readonly NamedVm[]> {
    return this.#keys.once(idempotencyKey, { vmId, ...wish }, async () => {
      try {
        return await this.#fork(vmId, wish, toRequest(idempotencyKey, { vmId, ...wish }));
      } catch (error) {
        if (idempotencyKey !== undefined) this.#keys.forget(idempotencyKey);
        throw error;
      }
    });
  }

  /** Forks that an earlier owner answered with and did not make are made by `named`, of the copy that was kept. */
  #goOn({ copyId, request, forks: ids = [] }: ForkRecord): void {
    const { named, snapshots } = this.#options;
    const forks = named.list().filter(({ id }) => ids.includes(id));
    if (request !== undefined) this.#keys.restore(request, Promise.resolve(forks));
    if (snapshots.hasCopy(copyId)) this.#discardLater(copyId, forks);
  }

  async #fork(vmId: string, wish: ForkWish, { request }: ForkRequest): Promise<readonly NamedVm[]> {
    const { named, snapshots, records, limits } = this.#options;
    limits.assertForks(wish.count);
    named.assertRoom(named.get(vmId).size, wish.count);
    const copyId = await snapshots.copy((directory) => named.capture(vmId, directory));
    const forks: NamedVm[] = [];
    try {
      const source = named.get(vmId);
      records.save({ copyId });
      for (let number = 1; number <= wish.count; number += 1)
        forks.push(named.create({ ...toForkWish(source, wish, number), snapshotId: copyId }));
      records.save({ copyId, forks: forks.map(({ id }) => id), ...(request === undefined ? {} : { request }) });
    } catch (error) {
      await Promise.all(forks.map(({ id }) => named.delete(id)));
      records.remove(copyId);
      await this.#discard(copyId, []);
      throw error;
    }
    this.#discardLater(copyId, forks);
    return forks;
  }

  #discardLater(copyId: string, forks: readonly NamedVm[]): void {
    const discarded = this.#discard(copyId, forks).finally(() => this.#discarding.delete(discarded));
    this.#discarding.add(discarded);
  }

  /** The copy goes when the last fork no longer needs it. */
  async #discard(copyId: string, forks: readonly NamedVm[]): Promise<void> {
    const { named, snapshots, logger } = this.#options;
    try {
      // A fork that was deleted meanwhile needs nothing.
      await Promise.allSettled(forks.map(({ id }) => named.settled(id)));
      await snapshots.retire(copyId);
    } catch (error) {
      logger.error({ snapshot_id: copyId, err: error }, 'the copy behind forks could not be removed');
    }
  }
}

type ForkRequest = Pick<ForkRecord, 'request'>;

const toForkWish = (
  source: NamedVm,
  { name, metadata }: ForkWish,
  number: number,
): Parameters<NamedVms['create']>[0] => ({
  vmType: source.vmType,
  size: source.size,
  name: `${name ?? source.name}-${number}`,
  ...(source.agentId === undefined ? {} : { agentId: source.agentId }),
  forkedFrom: source.id,
  metadata: { ...source.metadata, ...metadata },
  environment: source.environment,
  ...(source.timeoutMs === undefined ? {} : { timeoutMs: source.timeoutMs }),
  onTimeout: source.onTimeout,
});
