import { Code } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import { loginRefusal } from './session.ts';
import css from './states.module.css';

/** What a visitor without a session sees: how to get a link. */
export function SignedOut() {
  const refusal = loginRefusal();
  return (
    <main className={css.alone}>
      <title>Signed out · Bigbox</title>
      <section className={css.card}>
        <IconLock size={24} stroke={1.5} aria-hidden />
        <h1 className={css.heading}>
          {refusal === undefined ? 'You are signed out' : 'This login link does not work'}
        </h1>
        <p className={css.text}>
          {refusal === undefined ? 'This Bigbox shows its pages to its owner only.' : refusal.message} Print a new link
          on the machine where it runs, and open it here:
        </p>
        <Code block p={12}>
          bigbox login-link
        </Code>
        <p className={css.fine}>A link works once and for ten minutes. The session it opens stays in this browser.</p>
        {refusal === undefined ? null : <p className={css.fine}>{refusal.code}</p>}
      </section>
    </main>
  );
}
