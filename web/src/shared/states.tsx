import { Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ErrorBody } from '../../../src/contracts/errors.ts';
import { ApiError, ConnectionLost } from './api.ts';
import css from './states.module.css';

/** Nothing is here yet; says what to do first. */
export function Empty(props: { readonly title: string; readonly children: ReactNode; readonly action?: ReactNode }) {
  return (
    <div className={css.empty}>
      <p className={css.emptyTitle}>{props.title}</p>
      <p className={css.text}>{props.children}</p>
      {props.action}
    </div>
  );
}

/** An error of the registry: what, why, what to do, code and request last. */
export function ErrorNote(props: { readonly error: ErrorBody; readonly onRetry?: (() => void) | undefined }) {
  const { error } = props;
  return (
    <div className={css.error} role="alert">
      <IconAlertTriangle size={18} stroke={1.5} aria-hidden className={css.errorIcon} />
      <div>
        <p>{error.message}</p>
        <p className={css.text}>{error.remedy}</p>
        <p className={css.fine}>
          {error.code}
          {error.request_id === undefined ? '' : ` · request ${error.request_id}`}
        </p>
        {props.onRetry !== undefined && error.retry !== 'never' ? (
          <Button size="xs" variant="default" mt={8} onClick={props.onRetry}>
            Try again
          </Button>
        ) : null}
      </div>
    </div>
  );
}

/** Shows anything that a request threw. A lost connection is said by the bar at the top; here stands only that nothing came. */
export function Failure(props: { readonly error: Error; readonly onRetry?: () => void }) {
  if (props.error instanceof ApiError) return <ErrorNote error={props.error.body} onRetry={props.onRetry} />;
  const lost = props.error instanceof ConnectionLost;
  return (
    <div className={css.error} role="alert">
      <IconAlertTriangle size={18} stroke={1.5} aria-hidden className={css.errorIcon} />
      <div>
        <p>
          {lost
            ? 'This could not be read, because the server does not answer.'
            : 'The server answered in a form that this page does not know.'}
        </p>
        <p className={css.text}>
          {lost
            ? 'It is asked again every two seconds. bigbox status shows whether it runs.'
            : 'Reload the page: it may be older than the server.'}
        </p>
      </div>
    </div>
  );
}

/** Lines in the shape of what is loading. */
export function Lines({ count, height = 20 }: { readonly count: number; readonly height?: number }) {
  return (
    <div className={css.lines} aria-busy="true" aria-label="Loading">
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} height={height} radius="sm" />
      ))}
    </div>
  );
}

/** There is no page at this address. */
export function NotFound() {
  return (
    <Empty title="There is no page at this address" action={<Link to="/">Go to the start page</Link>}>
      The link may be old, or a letter is missing.
    </Empty>
  );
}
