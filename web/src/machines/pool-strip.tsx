import type { PoolStatistics } from '../../../src/contracts/vms.ts';
import { Freshness } from '../shared/freshness.tsx';
import { plural } from '../shared/format.ts';
import { Failure, Lines } from '../shared/states.tsx';
import css from './pool-strip.module.css';
import { usePool } from './queries.ts';

const kinds = [
  { kind: 'busy', word: 'in use' },
  { kind: 'ready', word: 'ready' },
  { kind: 'starting', word: 'being made' },
  { kind: 'free', word: 'still free' },
] as const;
type Kind = (typeof kinds)[number]['kind'];

const mostCells = 64;

function count(pool: PoolStatistics): Readonly<Record<Kind, number>> {
  const { busy, ready, starting, max_vms: most } = pool;
  return { busy, ready, starting, free: Math.max(0, most - busy - ready - starting) };
}

function Cells({ pool }: { readonly pool: PoolStatistics }) {
  const counts = count(pool);
  const cells = kinds.flatMap(({ kind }) => Array.from({ length: counts[kind] }, () => kind));
  return (
    <div className={css.cells} aria-hidden>
      {cells.slice(0, mostCells).map((kind, index) => (
        <i key={index} className={css.cell} data-kind={kind} />
      ))}
    </div>
  );
}

function describeClaims({ hits, misses, claims_waiting: waiting }: PoolStatistics): string {
  const claims = hits + misses;
  if (claims === 0) return 'No claims since the start.';
  const queue = waiting === 0 ? '' : ` ${waiting} wait now.`;
  return `${plural(claims, 'claim')} since the start: ${hits} found a clone ready, ${misses} waited for a restore.${queue}`;
}

function Facts({ pool }: { readonly pool: PoolStatistics }) {
  const counts = count(pool);
  return (
    <>
      <Cells pool={pool} />
      <ul className={css.legend}>
        {kinds.map(({ kind, word }) => (
          <li key={kind}>
            <i className={css.cell} data-kind={kind} aria-hidden />
            {`${counts[kind]} ${word}`}
          </li>
        ))}
      </ul>
      <p className={css.fine}>
        {`Target ${plural(pool.target, 'clone')} ready, processes that wait for a guest: ${pool.waiting_processes}, at most ${pool.max_vms} VMs. ${describeClaims(pool)}`}
      </p>
      {pool.problem === undefined ? null : (
        <p className={css.problem} role="alert">
          {pool.problem}
        </p>
      )}
    </>
  );
}

/** The clones that wait for work, as cells and numbers. */
export function PoolStrip() {
  const pool = usePool();
  return (
    <section className={css.strip} aria-labelledby="pool">
      <div className={css.head}>
        <h2 id="pool" className={css.title}>
          Pool
        </h2>
        <Freshness read={pool} />
      </div>
      {pool.data !== undefined ? (
        <Facts pool={pool.data} />
      ) : pool.error === null ? (
        <Lines count={3} height={18} />
      ) : (
        <Failure error={pool.error} onRetry={() => void pool.refetch()} />
      )}
    </section>
  );
}
