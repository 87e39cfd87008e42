import { Button, Textarea } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { type Catalog, startRun } from '../../shared/api.ts';
import { formatDuration, plural } from '../../shared/format.ts';
import { useCatalog } from '../../shared/queries.ts';
import { Failure, Lines } from '../../shared/states.tsx';
import css from './ask-form.module.css';
import { AskOptions } from './ask-options.tsx';
import { type Ask, type AskAddress, countCalls, toAsk, toRequest } from './ask.ts';
import { DomainChips, PerspectiveCards } from './choices.tsx';

interface AskFormProps {
  readonly initial: AskAddress;
  readonly onStarted: (run: string) => void;
}

function typicalTime(catalog: Catalog): string {
  const typical = catalog.workflows.find(
    (one) => one.id === 'parallelization' || one.path.startsWith('/parallelization'),
  )?.typical_ms;
  return typical === undefined
    ? 'no run was measured on this machine yet'
    : `a typical run takes ${formatDuration(typical)} on this machine`;
}

function StartBar(props: { readonly ask: Ask; readonly catalog: Catalog; readonly busy: boolean }) {
  const nobody = props.ask.perspectives.length === 0;
  const silent = props.ask.topic.trim() === '';
  return (
    <div className={css.start}>
      <p className={css.forecast} aria-live="polite">
        {nobody
          ? 'Switch on at least one perspective.'
          : `At least ${plural(countCalls(props.ask), 'model call')}, ${typicalTime(props.catalog)}`}
      </p>
      <Button
        type="submit"
        size="lg"
        className={css.startButton}
        leftSection={<IconPlayerPlay size={18} stroke={1.5} />}
        loading={props.busy}
        disabled={nobody || silent}
      >
        Start analysis
      </Button>
    </div>
  );
}

function FilledForm(props: AskFormProps & { readonly catalog: Catalog }) {
  const [ask, setAsk] = useState(() => toAsk(props.catalog, props.initial));
  const queries = useQueryClient();
  const change = (part: Partial<Ask>) => setAsk((before) => ({ ...before, ...part }));
  const start = useMutation({
    mutationFn: () => startRun(toRequest(ask)),
    onSuccess: (run) => {
      void queries.invalidateQueries({ queryKey: ['runs'] });
      props.onStarted(run);
    },
  });
  const ready = ask.topic.trim() !== '' && ask.perspectives.length > 0 && !start.isPending;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) start.mutate();
  };
  const enter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (ready) start.mutate();
  };
  return (
    <form className={css.form} onSubmit={submit}>
      <Textarea
        label="Topic"
        size="lg"
        classNames={{ label: css.label ?? '', description: css.description ?? '' }}
        autosize
        minRows={2}
        maxRows={10}
        maxLength={20_000}
        autoFocus
        placeholder="Impact of AI on software development"
        description="Enter starts, Shift and Enter begins a new line"
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        value={ask.topic}
        onChange={(event) => change({ topic: event.currentTarget.value })}
        onKeyDown={enter}
      />
      <PerspectiveCards
        all={props.catalog.perspectives}
        on={ask.perspectives}
        onChange={(perspectives) => change({ perspectives })}
      />
      <DomainChips all={props.catalog.domains} on={ask.domains} onChange={(domains) => change({ domains })} />
      <AskOptions ask={ask} onChange={change} />
      {start.error === null ? null : <Failure error={start.error} onRetry={() => start.mutate()} />}
      <StartBar ask={ask} catalog={props.catalog} busy={start.isPending} />
    </form>
  );
}

/** The form of a parallel analysis; starts with what the address says. */
export function AskForm(props: AskFormProps) {
  const catalog = useCatalog();
  if (catalog.data !== undefined)
    return <FilledForm key={JSON.stringify(props.initial)} catalog={catalog.data} {...props} />;
  return (
    <div className={css.form}>
      {catalog.error === null ? null : <Failure error={catalog.error} onRetry={() => void catalog.refetch()} />}
      <Lines count={1} height={84} />
      <Lines count={2} height={86} />
      <Lines count={1} height={36} />
    </div>
  );
}
