import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BigboxError } from '../contracts/errors.ts';
import { namesIn, replaceFileAtOnce, temporarySuffix } from '../lib/files.ts';
import type { Logger } from '../lib/log.ts';

export interface RecordFilesOptions<TRecord> {
  /** Owned by this alone. */
  readonly directory: string;
  /** Throws where the JSON is no such record. */
  readonly parse: (json: unknown) => TRecord;
  readonly logger: Logger;
}

const extension = '.json';

/** Small records, one file each, that must outlive this process. */
export class RecordFiles<TRecord> {
  readonly #options: RecordFilesOptions<TRecord>;

  constructor(options: RecordFilesOptions<TRecord>) {
    this.#options = options;
  }

  /** What was not written to its end is removed; what cannot be read is reported and left alone. */
  read(): readonly TRecord[] {
    const { directory, parse, logger } = this.#options;
    const records: TRecord[] = [];
    for (const name of namesIn(directory)) {
      const path = join(directory, name);
      if (name.endsWith(temporarySuffix)) rmSync(path, { force: true });
      if (!name.endsWith(extension)) continue;
      try {
        records.push(parse(JSON.parse(readFileSync(path, 'utf8'))));
      } catch (error) {
        logger.error({ path, err: error }, 'a record cannot be read; it is left alone');
      }
    }
    return records;
  }

  /** Writes the record before it returns. Throws DISK_FULL. */
  save(id: string, record: unknown): void {
    const path = this.#path(id);
    try {
      replaceFileAtOnce(path, JSON.stringify(record));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
      const message = `There is no disk space left to write down the state of ${id}.`;
      throw new BigboxError('DISK_FULL', { message, context: { path }, cause });
    }
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  #path(id: string): string {
    return join(this.#options.directory, `${id}${extension}`);
  }
}
