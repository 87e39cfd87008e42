import { TextInput } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useSystem } from '../../shared/queries.ts';
import css from './ask-form.module.css';
import type { Ask } from './ask.ts';

/** Model and role, folded away because the defaults serve. */
export function AskOptions(props: { readonly ask: Ask; readonly onChange: (part: Partial<Ask>) => void }) {
  const model = useSystem().data?.model;
  return (
    <details className={css.options} open={props.ask.model !== '' || props.ask.role !== ''}>
      <summary className={css.summary}>
        <IconChevronRight size={16} stroke={1.5} aria-hidden className={css.chevron} />
        <span>Options</span>
        <span className={css.optionsNow}>
          {props.ask.model || (model?.name ?? 'configured model')}
          {props.ask.role === '' ? '' : `, ${props.ask.role}`}
        </span>
      </summary>
      <div className={css.optionFields}>
        <TextInput
          label="Model"
          placeholder={model?.name ?? 'the configured model'}
          description="A name that bigbox models list shows. Empty: the configured model."
          value={props.ask.model}
          maxLength={200}
          onChange={(event) => props.onChange({ model: event.currentTarget.value })}
        />
        <TextInput
          label="Role"
          placeholder="the configured role"
          description="For whom the agents write. Empty: the configured role."
          value={props.ask.role}
          maxLength={200}
          onChange={(event) => props.onChange({ role: event.currentTarget.value })}
        />
      </div>
    </details>
  );
}
