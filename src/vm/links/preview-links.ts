import { type LinkSigner, refuseLink, type SignedLink } from './link-signer.ts';

/** What a link leads to. */
export interface PreviewTarget {
  readonly vmId: string;
  readonly port: number;
}

const pattern = /^(vm-[0-9a-f]+)\.(\d{1,5})$/;

/** Links to ports of VMs, which work as often as one likes until they expire. */
export class PreviewLinks {
  readonly #signer: LinkSigner;

  constructor(signer: LinkSigner) {
    this.#signer = signer;
  }

  sign({ vmId, port }: PreviewTarget, lifeMs: number): SignedLink {
    return this.#signer.sign({ purpose: 'preview', content: `${vmId}.${port}` }, lifeMs);
  }

  /** Throws LINK_INVALID for a token that is not ours, or whose time is over. */
  read(token: string): PreviewTarget {
    const [, vmId, port] = pattern.exec(this.#signer.read('preview', token).content) ?? [];
    if (vmId === undefined) throw refuseLink('leads to no port');
    return { vmId, port: Number(port) };
  }
}
