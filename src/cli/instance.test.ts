import { describe, expect, test } from 'vitest';
import { loadConfiguration } from '../config/index.ts';
import { configurationOf, toEnvironment } from './instance.ts';

const flags = {
  port: 3100,
  vmPort: 8180,
  modelPort: 11_534,
  dataDir: '/tmp/second',
  openOnLoopback: true,
  allowOrigin: ['http://a.example', 'http://b.example:81'],
} as const;

describe('toEnvironment()', () => {
  test('hands the flags to the services, which then are configured like the command itself', () => {
    const { file: _, ...mine } = configurationOf(flags);
    const { file: __, ...theirs } = loadConfiguration({ environment: toEnvironment(flags) });
    expect(theirs).toEqual(mine);
    expect(theirs).toMatchObject({ port: 3100, vmPort: 8180, modelPort: 11_534, dataDir: '/tmp/second' });
  });

  test('keeps the rest of the environment and adds nothing without flags', () => {
    expect(toEnvironment({}, { PATH: '/bin' })).toEqual({ PATH: '/bin' });
  });

  test('lets a flag win over the environment', () => {
    expect(toEnvironment({ port: 1 }, { BIGBOX_PORT: '2' })).toEqual({ BIGBOX_PORT: '1' });
  });
});
