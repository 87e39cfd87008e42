import type { Approval, ApprovalState } from '../../../src/contracts/approvals.ts';
import { formatAge } from '../shared/format.ts';
import { useApprovals } from '../shared/queries.ts';
import { Freshness } from '../shared/freshness.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import css from './approvals.module.css';
import { Question } from './question.tsx';

const words: Readonly<Record<ApprovalState, string>> = {
  waiting: 'waits',
  approved: 'approved',
  rejected: 'rejected',
  expired: 'not answered in time',
  withdrawn: 'no longer needed',
};

function Answered({ approval, now }: { readonly approval: Approval; readonly now: number }) {
  const changed = approval.approved_code === undefined ? '' : ', with other code';
  return (
    <li className={css.answered}>
      <details>
        <summary className={css.summary}>
          <span className={css.said}>{approval.reason}</span>
          <span className={css.fine}>{`${approval.language} of ${approval.agent_id}`}</span>
          <span className={css.outcome}>{`${words[approval.state]}${changed}`}</span>
          <span className={css.fine}>{formatAge(approval.decided_at ?? approval.created_at, now)}</span>
        </summary>
        {approval.comment === undefined ? null : <p className={css.fine}>{approval.comment}</p>}
        <pre className={css.code}>{approval.approved_code ?? approval.code}</pre>
      </details>
    </li>
  );
}

/** Code that waits for a person's word, and what was said before. */
export function ApprovalsPage() {
  const approvals = useApprovals();
  const now = useNow(1000);
  if (approvals.data === undefined)
    return approvals.error === null ? (
      <Lines count={3} height={48} />
    ) : (
      <Failure error={approvals.error} onRetry={() => void approvals.refetch()} />
    );
  const waiting = approvals.data.filter(({ state }) => state === 'waiting');
  const answered = approvals.data.filter(({ state }) => state !== 'waiting');
  return (
    <div className={css.page}>
      <div className={css.head}>
        <h1 className={css.title}>Approvals</h1>
        <Freshness read={approvals} />
      </div>
      {waiting.length === 0 ? (
        <Empty title="No code waits for you">
          Rules in security_settings may ask before code of an agent runs. What they ask about stands here until
          somebody answers.
        </Empty>
      ) : (
        <ul className={css.list}>
          {waiting.map((approval) => (
            <Question key={approval.id} approval={approval} now={now} />
          ))}
        </ul>
      )}
      {answered.length === 0 ? null : (
        <section className={css.before} aria-labelledby="answered">
          <h2 id="answered" className={css.subtitle}>
            Answered before
          </h2>
          <ul className={css.rows}>
            {answered.map((approval) => (
              <Answered key={approval.id} approval={approval} now={now} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
