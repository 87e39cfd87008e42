import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { CreateVmRequest } from '../../../src/contracts/vms.ts';
import { Dialog, DialogActions } from '../shared/dialog.tsx';
import { Failure } from '../shared/states.tsx';
import { createVm } from './api.ts';
import css from './machines.module.css';
import { parseLines, parseTime } from './parse-lines.ts';
import { useChange, useSnapshots } from './queries.ts';

const template = 'debian-bookworm';

interface Fields {
  readonly name: string;
  /** The template, or the id of a snapshot. */
  readonly origin: string;
  readonly timeout: string;
  readonly onTimeout: string;
  readonly labels: string;
  readonly environment: string;
}

type Wish = Partial<CreateVmRequest>;

/** The wish that the fields say, and what is wrong with which of them. */
function toWish(fields: Fields): { readonly wish: Wish; readonly problems: Partial<Record<keyof Fields, string>> } {
  const labels = parseLines(fields.labels, 'label');
  const environment = parseLines(fields.environment, 'variable');
  const seconds = fields.timeout.trim() === '' ? undefined : parseTime(fields.timeout);
  const badTime = fields.timeout.trim() !== '' && seconds === undefined;
  return {
    wish: {
      ...(fields.origin === template ? {} : { snapshot_id: fields.origin }),
      ...(fields.name.trim() === '' ? {} : { vm_name: fields.name.trim() }),
      ...(seconds === undefined ? {} : { timeout_seconds: seconds }),
      on_timeout: fields.onTimeout === 'pause' ? 'pause' : 'kill',
      ...(labels.ok ? { metadata: { ...labels.pairs } } : {}),
      ...(environment.ok ? { env: { ...environment.pairs } } : {}),
    },
    problems: {
      ...(labels.ok ? {} : { labels: labels.problem }),
      ...(environment.ok ? {} : { environment: environment.problem }),
      ...(badTime ? { timeout: 'A time like 90 s, 15 min or 2 h, at most 7 d.' } : {}),
    },
  };
}

interface FieldsProps {
  readonly fields: Fields;
  readonly problems: Partial<Record<keyof Fields, string>>;
  readonly onChange: (part: Partial<Fields>) => void;
}

function Lists({ fields, problems, onChange }: FieldsProps) {
  return (
    <>
      <Textarea
        label="Labels"
        description="One KEY=VALUE a line, to find the VM by."
        rows={2}
        error={problems.labels}
        value={fields.labels}
        onChange={(event) => onChange({ labels: event.currentTarget.value })}
      />
      <Textarea
        label="Environment"
        description="One NAME=VALUE a line, for every program of the VM. Never shown again."
        rows={2}
        error={problems.environment}
        value={fields.environment}
        onChange={(event) => onChange({ environment: event.currentTarget.value })}
      />
    </>
  );
}

function Fields({ fields, problems, onChange }: FieldsProps) {
  const snapshots = useSnapshots().data ?? [];
  const origins = [
    { value: template, label: `Template ${template}` },
    ...snapshots.map(({ id, name }) => ({ value: id, label: `Snapshot ${name === id ? id : `${name} (${id})`}` })),
  ];
  return (
    <>
      <TextInput
        label="Name"
        placeholder="its id"
        maxLength={200}
        autoFocus
        value={fields.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <NativeSelect
        label="Start from"
        data={origins}
        value={fields.origin}
        onChange={(event) => onChange({ origin: event.currentTarget.value })}
      />
      <div className={css.pair}>
        <TextInput
          label="Timeout"
          placeholder="lives until it is deleted"
          error={problems.timeout}
          value={fields.timeout}
          onChange={(event) => onChange({ timeout: event.currentTarget.value })}
        />
        <NativeSelect
          label="What happens then"
          data={[
            { value: 'kill', label: 'It is deleted' },
            { value: 'pause', label: 'It is paused' },
          ]}
          value={fields.onTimeout}
          disabled={fields.timeout.trim() === ''}
          onChange={(event) => onChange({ onTimeout: event.currentTarget.value })}
        />
      </div>
      <Lists fields={fields} problems={problems} onChange={onChange} />
    </>
  );
}

/** Asks what VM is wanted, begins to make it and leads to its page. */
export function CreateDialog(props: { readonly onClose: () => void; readonly snapshotId?: string | undefined }) {
  const [fields, setFields] = useState<Fields>({
    name: '',
    origin: props.snapshotId ?? template,
    timeout: '',
    onTimeout: 'kill',
    labels: '',
    environment: '',
  });
  const navigate = useNavigate();
  const create = useChange(createVm, (id) => void navigate({ to: '/machines/$id', params: { id } }));
  const { wish, problems } = toWish(fields);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (Object.keys(problems).length === 0 && !create.isPending) create.mutate(wish);
  };
  return (
    <Dialog title="Create a VM" onClose={props.onClose}>
      <form className={css.form} onSubmit={submit}>
        <Fields
          fields={fields}
          problems={problems}
          onChange={(part) => setFields((before) => ({ ...before, ...part }))}
        />
        {create.error === null ? null : <Failure error={create.error} />}
        <DialogActions>
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={Object.keys(problems).length > 0}>
            Create
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
