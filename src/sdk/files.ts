import { FileContent, type FileEntry, FileListing, WriteFileAnswer } from '../contracts/vms.ts';
import { type ConnectionOptions, send } from './http.ts';

/** A file or folder in a VM. */
export interface FileAddress {
  readonly vmId: string;
  /** Absolute. */
  readonly path: string;
}

/** The files of VMs. Everything throws the server's errors (GUEST_FILE_ERROR, LIMIT_EXCEEDED) and SERVICE_NOT_RUNNING. */
export interface FileClient {
  readFile(file: FileAddress, signal: AbortSignal): Promise<Uint8Array>;
  /** The file appears whole or not at all; folders above it are made. */
  writeFile(file: FileAddress & { readonly data: Uint8Array }, signal: AbortSignal): Promise<void>;
  /** Sorted by name. */
  listFiles(folder: FileAddress, signal: AbortSignal): Promise<readonly FileEntry[]>;
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
    async readFile(file, signal) {
      const path = `${filesPath(file)}${query({ path: file.path, encoding: 'base64' })}`;
      const response = await send(connection, path, { signal });
      return fromBase64(FileContent.parse(await response.json()).content);
    },
    async writeFile({ data, ...file }, signal) {
      const body = { path: file.path, content: toBase64(data), encoding: 'base64' };
      const response = await send(connection, filesPath(file), { method: 'PUT', body, signal });
      WriteFileAnswer.parse(await response.json());
    },
    async listFiles(folder, signal) {
      const path = `${filesPath(folder, '/list')}${query({ path: folder.path })}`;
      return FileListing.parse(await (await send(connection, path, { signal })).json()).entries;
    },
  };
}
