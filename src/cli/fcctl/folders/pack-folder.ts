import { create, type WriteEntry } from 'tar';
import { LeftOutList } from './left-out.ts';

/** A folder on its way into an archive; what was left out is complete when the archive has been read. */
export interface PackedFolder {
  readonly archive: AsyncIterable<Uint8Array>;
  readonly leftOut: LeftOutList;
}

/**
 * Packs what is in a folder with its permissions and links; links are not followed. The archive throws the errors of the file system, so
 * that one without all of the folder never looks whole.
 */
export function packFolder(path: string): PackedFolder {
  const leftOut = new LeftOutList();
  const archive = create(
    {
      cwd: path,
      strict: true,
      // Nobody in a VM needs to know who this is.
      onWriteEntry: (entry: WriteEntry) => void (entry.myuser = ''),
      filter: (name, found) => {
        if (!('isFile' in found) || found.isFile() || found.isDirectory() || found.isSymbolicLink()) return true;
        leftOut.add({ name, reason: 'it is no file, folder or link' });
        return false;
      },
    },
    ['.'],
  );
  return { archive, leftOut };
}
