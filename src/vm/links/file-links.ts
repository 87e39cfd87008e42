import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import type { FileLinkAction } from '../../contracts/file-links.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { RecordFiles } from '../record-files.ts';
import { type LinkSigner, refuseLink, type SignedLink } from './link-signer.ts';

/** A file of a VM and what may be done with it, once. */
export interface FileTarget {
  readonly vmId: string;
  readonly path: string;
  readonly action: FileLinkAction;
}

export interface FileLinksOptions {
  /** Where used links are written down; owned by this alone. */
  readonly directory: string;
  readonly signer: LinkSigner;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface FileLink extends FileTarget {
  readonly id: string;
  readonly expiresAt: Date;
}

const pattern = /^(vm-[0-9a-f]+)\.(download|upload)\.([0-9a-f]{32})\.([A-Za-z0-9_-]+)$/;
const UsedLink = z.object({ id: z.string().regex(/^[0-9a-f]{32}$/), expiresAt: z.number() });
type UsedLink = Readonly<z.infer<typeof UsedLink>>;

/** Links to files of VMs that work once. That one was used is kept until it would have expired, also over a death of the service. */
export class FileLinks {
  readonly #signer: LinkSigner;
  readonly #clock: Clock;
  readonly #records: RecordFiles<UsedLink>;
  readonly #used: Map<string, UsedLink>;
  readonly #inUse = new Set<string>();

  constructor({ directory, signer, clock, logger }: FileLinksOptions) {
    this.#signer = signer;
    this.#clock = clock;
    this.#records = new RecordFiles({
      directory,
      parse: (json) => UsedLink.parse(json),
      logger,
    });
    this.#used = new Map(this.#records.read().map((used) => [used.id, used]));
    this.#forgetExpired();
  }

  sign({ vmId, path, action }: FileTarget, lifeMs: number): SignedLink {
    const id = randomBytes(16).toString('hex');
    const content = `${vmId}.${action}.${id}.${Buffer.from(path).toString('base64url')}`;
    return this.#signer.sign({ purpose: 'file', content }, lifeMs);
  }

  /** Throws LINK_INVALID for a token that is not ours or is for something else, whose time is over, or that was used. */
  read(token: string, action: FileLinkAction): FileTarget {
    return this.#read(token, action);
  }

  /**
   * Does what a link is for. The work calls `spend` when nothing but its answer is left to do: from then on the link is used, unless the
   * guest refuses after all. Work that throws before leaves the link as it was. Throws as `read`, LINK_INVALID while the link is being
   * used, and what the work throws; `spend` throws LINK_INVALID where the time has ended meanwhile, and DISK_FULL.
   */
  async once<TValue>(
    token: string,
    action: FileLinkAction,
    work: (target: FileTarget, spend: () => void) => Promise<TValue>,
  ): Promise<TValue> {
    const link = this.#read(token, action);
    if (this.#inUse.has(link.id)) throw refuseLink('is being used just now');
    this.#inUse.add(link.id);
    try {
      return await work(link, () => this.#spend(link));
    } catch (error) {
      if (error instanceof BigboxError && error.code === 'GUEST_FILE_ERROR') this.#forget(link.id);
      throw error;
    } finally {
      this.#inUse.delete(link.id);
    }
  }

  #read(token: string, wanted: FileLinkAction): FileLink {
    const { content, expiresAt } = this.#signer.read('file', token);
    const [, vmId = '', action, id = '', path = ''] = pattern.exec(content) ?? [];
    if (action !== wanted) throw refuseLink(`is for ${action === 'upload' ? 'an upload' : 'a download'} only`);
    if (this.#used.has(id)) throw refuseLink('works once, and was used');
    return { id, vmId, action, path: Buffer.from(path, 'base64url').toString(), expiresAt };
  }

  #spend({ id, expiresAt }: FileLink): void {
    this.#signer.assertTime(expiresAt);
    this.#forgetExpired();
    const used = { id, expiresAt: expiresAt.getTime() };
    this.#records.save(id, used);
    this.#used.set(id, used);
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const { id, expiresAt } of this.#used.values()) if (expiresAt <= now) this.#forget(id);
  }

  #forget(id: string): void {
    this.#records.remove(id);
    this.#used.delete(id);
  }
}
