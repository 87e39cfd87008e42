import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { FileLinks } from './file-links.ts';
import { LinkSigner } from './link-signer.ts';
import { PreviewLinks } from './preview-links.ts';

export interface LinksOptions {
  /** Of the VM service. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What lets others do one thing with one VM, without a key. */
export interface Links {
  readonly previews: PreviewLinks;
  readonly files: FileLinks;
}

/** Makes both kinds with the key of the directory. */
export function openLinks({ directory, clock, logger }: LinksOptions): Links {
  const signer = new LinkSigner(join(directory, 'links.key'), clock);
  return {
    previews: new PreviewLinks(signer),
    files: new FileLinks({ directory: join(directory, 'used-links'), signer, clock, logger }),
  };
}
