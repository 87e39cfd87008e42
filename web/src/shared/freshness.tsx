import { Tooltip } from '@mantine/core';
import { ApiError } from './api.ts';
import { formatDuration, formatExact } from './format.ts';
import css from './freshness.module.css';
import { useNow } from './use-now.ts';

interface Read {
  readonly dataUpdatedAt: number;
  readonly error: Error | null;
}

const describe = (error: Error): string =>
  error instanceof ApiError ? `${error.body.message} (${error.body.code})` : error.message;

/** Says whether what is shown is the state of now, and since when not. Takes the same room in both cases. */
export function Freshness({ read }: { readonly read: Read }) {
  const now = useNow(1000);
  const { error, dataUpdatedAt } = read;
  if (dataUpdatedAt === 0) return null;
  const at = new Date(dataUpdatedAt).toISOString();
  return (
    <span role="status">
      <Tooltip
        label={
          error === null
            ? `Last read ${formatExact(at)}.`
            : `${describe(error)} What you see was read ${formatExact(at)}; it is asked again by itself.`
        }
      >
        <span className={css.freshness} data-stale={error !== null || undefined} tabIndex={0}>
          <i className={css.lamp} aria-hidden />
          {error === null ? 'live' : `not answering, last read ${formatDuration(Math.max(0, now - dataUpdatedAt))} ago`}
        </span>
      </Tooltip>
    </span>
  );
}
