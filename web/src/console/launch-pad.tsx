import { Button, Select, TextInput } from '@mantine/core';
import { IconArrowRight, IconExternalLink, IconPlayerPlay } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { WorkflowCard } from '../../../src/contracts/runs.ts';
import { startRun } from '../shared/api.ts';
import { formatDuration } from '../shared/format.ts';
import { useCatalog } from '../shared/queries.ts';
import { Failure, Lines } from '../shared/states.tsx';
import css from './console.module.css';
import { RunHistory } from './run-history.tsx';

function Question() {
  const [topic, setTopic] = useState('');
  const navigate = useNavigate();
  const workflows = useCatalog().data?.workflows ?? [];
  const start = useMutation({
    mutationFn: () => startRun({ prompt: topic.trim() }),
    onSuccess: (run) => navigate({ to: '/parallelization/', search: { run } }),
  });
  const empty = topic.trim() === '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!empty && !start.isPending) start.mutate();
  };
  return (
    <form onSubmit={submit} className={css.question}>
      <label htmlFor="topic" className={css.ask}>
        What should we look into?
      </label>
      <div className={css.inputRow}>
        <TextInput
          id="topic"
          size="lg"
          className={css.input}
          autoFocus
          maxLength={20_000}
          placeholder="Impact of AI on software development"
          value={topic}
          onChange={(event) => setTopic(event.currentTarget.value)}
        />
        <Select
          size="lg"
          className={css.workflow}
          aria-label="Workflow"
          allowDeselect={false}
          data={workflows.map((one) => ({ value: one.id, label: one.name }))}
          value={workflows[0]?.id ?? null}
          comboboxProps={{ shadow: 'none' }}
        />
        <Button
          type="submit"
          size="lg"
          disabled={empty}
          loading={start.isPending}
          leftSection={<IconPlayerPlay size={18} stroke={1.5} />}
        >
          Start
        </Button>
      </div>
      <p className={css.hint}>
        Starts with the default perspectives and domains.{' '}
        <Link to="/parallelization/" search={empty ? {} : { topic: topic.trim() }}>
          Choose them first
        </Link>
      </p>
      {start.error === null ? null : <Failure error={start.error} onRetry={() => start.mutate()} />}
    </form>
  );
}

function Card({ workflow }: { readonly workflow: WorkflowCard }) {
  return (
    <Link to="/parallelization/" className={css.card}>
      <span className={css.cardName}>
        {workflow.name}
        <IconArrowRight size={16} stroke={1.5} aria-hidden />
      </span>
      <span>{workflow.description}</span>
      <span className={css.cardFacts}>
        <span>{`Needs ${workflow.needs.charAt(0).toLowerCase()}${workflow.needs.slice(1)}`}</span>
        <span>
          {workflow.typical_ms === undefined
            ? 'Typical time: not measured yet'
            : `Typical time on this machine: ${formatDuration(workflow.typical_ms)}, measured`}
        </span>
      </span>
    </Link>
  );
}

function Workflows() {
  const catalog = useCatalog();
  if (catalog.data === undefined)
    return catalog.error === null ? (
      <Lines count={1} height={112} />
    ) : (
      <Failure error={catalog.error} onRetry={() => void catalog.refetch()} />
    );
  return (
    <div className={css.cards}>
      {catalog.data.workflows.map((workflow) => (
        <Card key={workflow.id} workflow={workflow} />
      ))}
    </div>
  );
}

/** The first page: one question, the workflows, what ran lately. */
export function LaunchPad() {
  return (
    <div className={css.launch}>
      <Question />
      <section className={css.stack} aria-labelledby="workflows">
        <h2 id="workflows" className={css.sectionTitle}>
          Workflows
        </h2>
        <Workflows />
      </section>
      <section className={css.stack} aria-labelledby="recent">
        <div className={css.sectionHead}>
          <h2 id="recent" className={css.sectionTitle}>
            Recent runs
          </h2>
          <Link to="/runs">All runs</Link>
        </div>
        <RunHistory limit={6} />
      </section>
      <a href="/api/docs" className={css.docs}>
        API documentation <IconExternalLink size={14} stroke={1.5} aria-hidden />
      </a>
    </div>
  );
}
