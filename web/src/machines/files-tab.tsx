import { Button, FileButton, TextInput } from '@mantine/core';
import { IconArrowUp, IconDownload, IconFile, IconFolder, IconLink, IconUpload } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { FileEntry, Vm } from '../../../src/contracts/vms.ts';
import { formatBytes, formatExact } from '../shared/format.ts';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { type FileName, readFile, resumeVm, startVm, writeFile } from './api.ts';
import css from './files.module.css';
import { describeMode, join, parentOf, toText } from './guest-path.ts';
import shared from './machines.module.css';
import { useChange, useFiles } from './queries.ts';
import { TextPane } from '../shared/text-pane.tsx';

const home = '/home/sandbox';
const mostUploadBytes = 12_000_000;

/** Hands bytes to the browser as a file of this name. */
function save(name: string, data: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([data]));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

const icons = { directory: IconFolder, file: IconFile, symlink: IconLink, other: IconFile } as const;

function Row({
  entry,
  folder,
  chosen,
}: {
  readonly entry: FileEntry;
  readonly folder: string;
  readonly chosen: boolean;
}) {
  const Icon = icons[entry.kind];
  const path = join(folder, entry.name);
  const search =
    entry.kind === 'directory' ? { tab: 'files' as const, path } : { tab: 'files' as const, path: folder, file: path };
  return (
    <li>
      <Link from="/machines/$id" to="." search={search} className={css.row} aria-current={chosen ? 'true' : undefined}>
        <span className={css.name}>
          <Icon size={16} stroke={1.5} aria-label={entry.kind} className={css.icon} />
          <span className={css.text}>
            {entry.name}
            {entry.link_target === undefined ? '' : ` → ${entry.link_target}`}
          </span>
        </span>
        <span className={css.mode}>{describeMode(entry)}</span>
        <span className={css.number}>{entry.kind === 'directory' ? '' : formatBytes(entry.size)}</span>
        <span className={css.when}>{formatExact(entry.modified_at)}</span>
      </Link>
    </li>
  );
}

function FileView({ file }: { readonly file: FileName }) {
  const content = useQuery({ queryKey: ['file', file.vmId, file.path], queryFn: () => readFile(file), retry: false });
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const { data } = content;
  const text = data === undefined ? undefined : toText(data);
  return (
    <section className={css.view} aria-label={`File ${name}`}>
      <div className={shared.bar}>
        <code className={css.path}>{file.path}</code>
        <span className={css.viewActions}>
          <span className={css.number}>{data === undefined ? '' : formatBytes(data.length)}</span>
          <Button size="xs" variant="default" onClick={() => void content.refetch()} loading={content.isFetching}>
            Read again
          </Button>
          <Button
            size="xs"
            variant="default"
            disabled={data === undefined}
            leftSection={<IconDownload size={14} stroke={1.5} />}
            onClick={() => data !== undefined && save(name, data)}
          >
            Download
          </Button>
        </span>
      </div>
      {content.error === null ? null : <Failure error={content.error} onRetry={() => void content.refetch()} />}
      {data === undefined ? (
        content.error === null ? (
          <Lines count={6} />
        ) : null
      ) : text === undefined ? (
        <Empty title="This file is no text">Download it to look into it.</Empty>
      ) : text === '' ? (
        <Empty title="This file is empty">Nothing was written to it.</Empty>
      ) : (
        <TextPane label={name} pieces={[{ key: 0, text }]} />
      )}
    </section>
  );
}

async function upload(folder: FileName, files: readonly File[]): Promise<void> {
  for (const file of files) {
    const data = new Uint8Array(await file.arrayBuffer());
    await writeFile({ ...folder, path: join(folder.path, file.name) }, data);
  }
}

function Place({ folder }: { readonly folder: FileName }) {
  const navigate = useNavigate({ from: '/machines/$id' });
  const client = useQueryClient();
  const [text, setText] = useState(folder.path);
  const [tooLarge, setTooLarge] = useState<string>();
  const send = useChange(
    (files: readonly File[]) => upload(folder, files),
    () => void client.invalidateQueries({ queryKey: ['files', folder.vmId] }),
  );
  const choose = (files: readonly File[]) => {
    const large = files.find(({ size }) => size > mostUploadBytes);
    setTooLarge(large?.name);
    if (large === undefined && files.length > 0) send.mutate(files);
  };
  const go = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ search: { tab: 'files', path: text.startsWith('/') ? text : `/${text}` } });
  };
  return (
    <div className={shared.stack}>
      <form className={css.place} onSubmit={go}>
        <Button
          variant="default"
          aria-label="The folder above"
          disabled={folder.path === '/'}
          px={10}
          onClick={() => void navigate({ search: { tab: 'files', path: parentOf(folder.path) } })}
        >
          <IconArrowUp size={16} stroke={1.5} />
        </Button>
        <TextInput
          className={css.grow}
          aria-label="Folder"
          classNames={{ input: css.mono ?? '' }}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <FileButton multiple onChange={choose}>
          {(props) => (
            <Button
              {...props}
              variant="default"
              loading={send.isPending}
              leftSection={<IconUpload size={16} stroke={1.5} />}
            >
              Upload
            </Button>
          )}
        </FileButton>
      </form>
      {tooLarge === undefined ? null : (
        <p className={css.problem} role="alert">
          {`${tooLarge} is larger than ${formatBytes(mostUploadBytes)}, the most that goes through this page. Stream it: cat FILE | fcctl vm exec VM -i -- tee NAME`}
        </p>
      )}
      {send.error === null ? null : <Failure error={send.error} />}
    </div>
  );
}

function Listing({ folder, file }: { readonly folder: FileName; readonly file: string | undefined }) {
  const entries = useFiles(folder, true);
  if (entries.data === undefined)
    return entries.error === null ? (
      <Lines count={5} height={32} />
    ) : (
      <Failure error={entries.error} onRetry={() => void entries.refetch()} />
    );
  if (entries.data.length === 0)
    return <Empty title="This folder is empty">Upload a file, or let a process write one here.</Empty>;
  const sorted = entries.data.toSorted(
    (left, right) => Number(right.kind === 'directory') - Number(left.kind === 'directory'),
  );
  return (
    <ul className={css.rows} aria-label="Files">
      {sorted.map((entry) => (
        <Row key={entry.name} entry={entry} folder={folder.path} chosen={file === join(folder.path, entry.name)} />
      ))}
    </ul>
  );
}

function Asleep({ vm }: { readonly vm: Vm }) {
  const stopped = vm.status === 'stopped';
  const wake = useChange(() => (stopped ? startVm(vm.id) : resumeVm(vm.id)));
  return (
    <Empty
      title={`The VM is ${vm.status}`}
      action={
        stopped || vm.status === 'paused' ? (
          <Button mt={8} variant="default" loading={wake.isPending} onClick={() => wake.mutate(undefined)}>
            {stopped ? 'Start it' : 'Resume it'}
          </Button>
        ) : undefined
      }
    >
      Its files are read by its guest, which does not run now.
    </Empty>
  );
}

/** The files of a VM: folders to walk through, files to look at, upload and download. */
export function FilesTab({ vm }: { readonly vm: Vm }) {
  const { path = home, file } = useSearch({ from: '/machines/$id' });
  if (vm.status !== 'running') return <Asleep vm={vm} />;
  const folder = { vmId: vm.id, path };
  return (
    <div className={shared.stack}>
      <Place key={path} folder={folder} />
      {file === undefined ? null : <FileView key={file} file={{ vmId: vm.id, path: file }} />}
      <Listing folder={folder} file={file} />
    </div>
  );
}
