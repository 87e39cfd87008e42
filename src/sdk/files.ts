import type { z } from 'zod';
import { FileChange } from '../contracts/file-changes.ts';
import { FileLink, type FileLinkRequest } from '../contracts/file-links.ts';
import {
  FileAnswer,
  FileContent,
  type FileEntry,
  FileListing,
  FileStatus,
  folderType,
  WriteFileAnswer,
} from '../contracts/vms.ts';
import { readEvents } from './event-stream.ts';
import { type ConnectionOptions, send } from './http.ts';

/** A file or folder in a VM. */
export interface FileAddress {
  readonly vmId: string;
  /** Absolute. */
  readonly path: string;
}

type FileLinkWish = Omit<z.input<typeof FileLinkRequest>, 'path'>;

/** The files of VMs. Everything throws the server's errors (GUEST_FILE_ERROR, LIMIT_EXCEEDED) and SERVICE_NOT_RUNNING. */
export interface FileClient {
  /** Everything, or at most `length` bytes from `offset` on. */
  readFile(
    file: FileAddress & { readonly offset?: number; readonly length?: number },
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** The file appears whole or not at all; folders above it are made. With `append` the data is added to its end. */
  writeFile(
    file: FileAddress & { readonly data: Uint8Array; readonly append?: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** What is at the path; what a link names, unless `follow` is false. */
  statFile(file: FileAddress & { readonly follow?: boolean }, signal: AbortSignal): Promise<FileEntry>;
  /** A file, a link or an empty folder; with `recursive` a folder and all that is in it. */
  removeFile(file: FileAddress & { readonly recursive?: boolean }, signal: AbortSignal): Promise<void>;
  /** Folders above it are made too; one that is there stays as it is. */
  makeFolder(folder: FileAddress & { readonly mode?: number }, signal: AbortSignal): Promise<void>;
  /** Within one file system. What is at the target refuses the move, unless `overwrite` is said. */
  moveFile(
    file: FileAddress & { readonly to: string; readonly overwrite?: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  changeFileMode(file: FileAddress & { readonly mode: number }, signal: AbortSignal): Promise<void>;
  /** Sorted by name; names are relative to the folder. A depth of 2 also lists what is in its folders, and so on. */
  listFiles(folder: FileAddress & { readonly depth?: number }, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /** What is in a folder, as a tar archive. Reading it throws where the folder could not be packed to its end. */
  packFolder(folder: FileAddress, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Puts what is in a tar archive into a folder, which is made where it is missing. */
  unpackFolder(
    folder: FileAddress & { readonly archive: ReadableStream<Uint8Array> },
    signal: AbortSignal,
  ): Promise<void>;
  /** What happens at a path from the event `watching` on, until the path is gone. Breaking out or aborting ends it. */
  watchFiles(file: FileAddress & { readonly recursive?: boolean }, signal: AbortSignal): AsyncIterable<FileChange>;
  /** A link that downloads or uploads the file once, without a key. */
  makeFileLink(file: FileAddress & FileLinkWish, signal: AbortSignal): Promise<FileLink>;
}

const partLength = 32_768;

function toBase64(data: Uint8Array): string {
  let text = '';
  for (let start = 0; start < data.length; start += partLength)
    text += String.fromCharCode(...data.subarray(start, start + partLength));
  return btoa(text);
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const filesPath = ({ vmId }: FileAddress, more = ''): string => `/api/v1/vms/${encodeURIComponent(vmId)}/files${more}`;
const query = (fields: Readonly<Record<string, string>>): string => `?${new URLSearchParams(fields).toString()}`;

/** Creates a client of the files of VMs at an address. */
export function createFileClient(connection: ConnectionOptions): FileClient {
  return {
    async readFile({ offset = 0, length, ...file }, signal) {
      const part = { offset: String(offset), ...(length === undefined ? {} : { length: String(length) }) };
      const path = `${filesPath(file)}${query({ path: file.path, encoding: 'base64', ...part })}`;
      const response = await send(connection, path, { signal });
      return fromBase64(FileContent.parse(await response.json()).content);
    },
    async writeFile({ data, append = false, ...file }, signal) {
      const body = { path: file.path, content: toBase64(data), encoding: 'base64', append };
      const response = await send(connection, filesPath(file), { method: 'PUT', body, signal });
      WriteFileAnswer.parse(await response.json());
    },
    async statFile({ follow = true, ...file }, signal) {
      const path = `${filesPath(file, '/stat')}${query({ path: file.path, follow: String(follow) })}`;
      return FileStatus.parse(await (await send(connection, path, { signal })).json()).entry;
    },
    async removeFile({ recursive = false, ...file }, signal) {
      const path = `${filesPath(file)}${query({ path: file.path, recursive: String(recursive) })}`;
      FileAnswer.parse(await (await send(connection, path, { method: 'DELETE', signal })).json());
    },
    async makeFolder({ mode, ...folder }, signal) {
      const body = { path: folder.path, ...(mode === undefined ? {} : { mode }) };
      const response = await send(connection, filesPath(folder, '/mkdir'), { method: 'POST', body, signal });
      FileAnswer.parse(await response.json());
    },
    async moveFile({ to, overwrite = false, ...file }, signal) {
      const body = { from: file.path, to, overwrite };
      const response = await send(connection, filesPath(file, '/move'), { method: 'POST', body, signal });
      FileAnswer.parse(await response.json());
    },
    async changeFileMode({ mode, ...file }, signal) {
      const body = { path: file.path, mode };
      const response = await send(connection, filesPath(file, '/chmod'), { method: 'POST', body, signal });
      FileAnswer.parse(await response.json());
    },
    async listFiles({ depth = 1, ...folder }, signal) {
      const path = `${filesPath(folder, '/list')}${query({ path: folder.path, depth: String(depth) })}`;
      return FileListing.parse(await (await send(connection, path, { signal })).json()).entries;
    },
    async packFolder(folder, signal) {
      const path = `${filesPath(folder, '/archive')}${query({ path: folder.path })}`;
      return (await send(connection, path, { signal })).body ?? new ReadableStream();
    },
    async unpackFolder({ archive, ...folder }, signal) {
      const path = `${filesPath(folder, '/archive')}${query({ path: folder.path })}`;
      const stream = { type: folderType, content: archive };
      WriteFileAnswer.parse(await (await send(connection, path, { method: 'PUT', stream, signal })).json());
    },
    watchFiles({ recursive = false, ...file }, signal) {
      const path = `${filesPath(file, '/watch')}${query({ path: file.path, recursive: String(recursive) })}`;
      return readEvents(connection, { path, parse: (json) => FileChange.parse(json) }, signal);
    },
    async makeFileLink({ vmId, ...body }, signal) {
      const path = filesPath({ vmId, path: body.path }, '/links');
      return FileLink.parse(await (await send(connection, path, { method: 'POST', body, signal })).json());
    },
  };
}
