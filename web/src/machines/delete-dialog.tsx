import { Button } from '@mantine/core';
import { useEffect } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Dialog, DialogActions } from '../shared/dialog.tsx';
import { plural } from '../shared/format.ts';
import { Failure } from '../shared/states.tsx';
import { deleteVm } from './api.ts';
import css from './machines.module.css';
import { useChange } from './queries.ts';

interface DeleteDialogProps {
  readonly vms: readonly Vm[];
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Deletes all and goes on where one fails. Throws the first failure when all were tried. */
async function deleteAll(vms: readonly Vm[]): Promise<void> {
  const ends = await Promise.allSettled(vms.map(({ id }) => deleteVm(id)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Asks before VMs are deleted with everything in them. */
export function DeleteDialog({ vms, onClose, onDeleted }: DeleteDialogProps) {
  const remove = useChange(deleteAll, onDeleted);
  const nothingLeft = vms.length === 0;
  // They may have gone meanwhile, by their timeout or by somebody else.
  useEffect(() => {
    if (nothingLeft && !remove.isPending) onClose();
  }, [nothingLeft, remove.isPending, onClose]);
  const [only] = vms;
  const what = vms.length === 1 && only !== undefined ? only.name : plural(vms.length, 'VM');
  return (
    <Dialog title={`Delete ${what}?`} onClose={onClose}>
      <p>
        Memory, disk and everything that runs in {vms.length === 1 ? 'it' : 'them'} is gone then. Snapshots and forks
        stay.
      </p>
      {vms.length < 2 ? null : (
        <ul className={css.names}>
          {vms.map(({ id, name }) => (
            <li key={id}>{name === id ? id : `${name} (${id})`}</li>
          ))}
        </ul>
      )}
      {remove.error === null ? null : <Failure error={remove.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep
        </Button>
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(vms)}>
          Delete
        </Button>
      </DialogActions>
    </Dialog>
  );
}
