import { Button } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { Dialog, DialogActions } from '../shared/dialog.tsx';
import { Failure } from '../shared/states.tsx';
import css from './machine-actions.module.css';
import shared from './machines.module.css';

interface AskProps {
  readonly title: string;
  readonly verb: string;
  readonly explanation: string;
  readonly children?: ReactNode;
  readonly change: { readonly isPending: boolean; readonly error: Error | null };
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/** Asks before a VM is changed, with what is to be known for that. */
export function Ask({ title, verb, explanation, children, change, onSubmit, onClose }: AskProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) onSubmit();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className={shared.form} onSubmit={submit}>
        <p className={css.explanation}>{explanation}</p>
        {children}
        {change.error === null ? null : <Failure error={change.error} />}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            {verb}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
