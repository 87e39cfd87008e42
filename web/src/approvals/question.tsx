import { Button, Textarea, TextInput } from '@mantine/core';
import { IconCheck, IconPencil, IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Approval } from '../../../src/contracts/approvals.ts';
import { TextPane } from '../shared/text-pane.tsx';
import { formatAge, formatUntil } from '../shared/format.ts';
import { Failure } from '../shared/states.tsx';
import { useDecision } from './use-decision.ts';
import css from './approvals.module.css';

interface QuestionProps {
  readonly approval: Approval;
  readonly now: number;
}

function Facts({ approval, now }: QuestionProps) {
  const { agent_id: agent, vm_id: vmId, hook, language, created_at: asked, expires_at: end } = approval;
  return (
    <p className={css.facts}>
      <span>{`${language} of ${agent}`}</span>
      {vmId === undefined ? (
        <span>in a VM of its own</span>
      ) : (
        <Link to="/machines/$id" params={{ id: vmId }}>
          {`in ${vmId}`}
        </Link>
      )}
      <span>{`rule ${hook}`}</span>
      <span>{`asked ${formatAge(asked, now)}`}</span>
      <span>{`is rejected ${formatUntil(end, now)} without an answer`}</span>
    </p>
  );
}

interface AnswersProps {
  readonly decide: ReturnType<typeof useDecision>;
  readonly comment: string;
  /** What runs instead, where the person changed it. */
  readonly changed: string | undefined;
}

function Answers({ decide, comment, changed }: AnswersProps) {
  const said = comment.trim() === '' ? {} : { comment: comment.trim() };
  const code = changed === undefined ? {} : { code: changed };
  const isGiven = (decision: 'approve' | 'reject'): boolean =>
    decide.isPending && decide.variables.decision === decision;
  return (
    <>
      <Button
        loading={isGiven('approve')}
        disabled={decide.isPending}
        leftSection={<IconCheck size={16} stroke={1.5} />}
        onClick={() => decide.mutate({ decision: 'approve', ...said, ...code })}
      >
        {changed === undefined ? 'Approve' : 'Approve the changed code'}
      </Button>
      <Button
        variant="default"
        loading={isGiven('reject')}
        disabled={decide.isPending}
        leftSection={<IconX size={16} stroke={1.5} />}
        onClick={() => decide.mutate({ decision: 'reject', ...said })}
      >
        Reject
      </Button>
    </>
  );
}

/** Code that waits, with why it is asked about and what can be answered. */
export function Question({ approval, now }: QuestionProps) {
  const [comment, setComment] = useState('');
  const [code, setCode] = useState<string>();
  const decide = useDecision(approval.id);
  const changed = code === approval.code || code?.trim() === '' ? undefined : code;
  return (
    <li className={css.question}>
      <h2 className={css.reason}>{approval.reason}</h2>
      <Facts approval={approval} now={now} />
      {code === undefined ? (
        <TextPane label="The code that waits" pieces={[{ key: 0, text: approval.code }]} />
      ) : (
        <Textarea
          label="The code that runs instead"
          autosize
          minRows={3}
          maxRows={20}
          spellCheck={false}
          classNames={{ input: css.code ?? '' }}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
      )}
      <TextInput
        label="Comment"
        placeholder="Told to the agent; may be left out"
        maxLength={2000}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      <div className={css.buttons}>
        <Answers decide={decide} comment={comment} changed={changed} />
        <Button
          variant="default"
          leftSection={<IconPencil size={16} stroke={1.5} />}
          onClick={() => setCode(code === undefined ? approval.code : undefined)}
        >
          {code === undefined ? 'Change the code' : 'Leave the code as it is'}
        </Button>
      </div>
      {decide.error === null ? null : <Failure error={decide.error} />}
    </li>
  );
}
