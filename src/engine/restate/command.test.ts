import { describe, expect, test } from 'vitest';
import { restateCommand } from './command.ts';

describe('restateCommand()', () => {
  test('opens no port and reports to nobody', () => {
    const { args, env } = restateCommand({ directory: '/data/restate', identityKeyFile: '/data/key.pem' });
    expect(args.join(' ')).toContain('--listen-mode unix');
    expect(env).toMatchObject({ DO_NOT_TRACK: '1', RESTATE_DISABLE_TELEMETRY: 'true' });
  });

  test('refuses a directory whose sockets would have too long a path', () => {
    const directory = `/${'d'.repeat(100)}`;
    expect(() => restateCommand({ directory, identityKeyFile: '/k' })).toThrow(/107/);
  });
});
