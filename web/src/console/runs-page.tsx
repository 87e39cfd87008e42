import css from './console.module.css';
import { RunHistory } from './run-history.tsx';

/** All runs. */
export function RunsPage() {
  return (
    <div className={css.stack}>
      <h1 className={css.pageTitle}>Runs</h1>
      <RunHistory />
    </div>
  );
}
