import { useNavigate, useSearch } from '@tanstack/react-router';
import { RunHistory } from '../../console/run-history.tsx';
import { AskForm } from './ask-form.tsx';
import css from './page.module.css';
import { RunPanel } from './run-panel.tsx';

/** The parallel analysis: the form, or the run that the address names. */
export function ParallelizationPage() {
  const search = useSearch({ from: '/parallelization' });
  const navigate = useNavigate();
  if (search.run !== undefined) return <RunPanel key={search.run} id={search.run} />;
  return (
    <div className={css.narrow}>
      <AskForm initial={search} onStarted={(run) => void navigate({ to: '/parallelization/', search: { run } })} />
      <section className={css.section} aria-labelledby="earlier">
        <h2 id="earlier" className={css.heading}>
          Earlier runs
        </h2>
        <RunHistory limit={8} />
      </section>
    </div>
  );
}
