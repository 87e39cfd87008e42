import { describe, expect, test } from 'vitest';
import { connectionOf } from './vm-service.ts';

describe('connectionOf()', () => {
  test('takes the service and the key that the environment names', async () => {
    expect(await connectionOf({}, { FCCTL_URL: 'http://10.0.0.5:8080/', FCCTL_KEY: 'k' })).toEqual({
      baseUrl: 'http://10.0.0.5:8080',
      key: 'k',
    });
    expect(await connectionOf({}, { FCCTL_URL: 'https://vm.example' })).toEqual({ baseUrl: 'https://vm.example' });
  });

  test('lets a flag that names an instance win over the environment', async () => {
    const flags = { dataDir: '/does/not/exist' };
    await expect(connectionOf(flags, { FCCTL_URL: 'http://10.0.0.5:8080' })).rejects.toMatchObject({
      code: 'SERVICE_NOT_RUNNING',
    });
  });

  test.each(['10.0.0.5:8080', 'ftp://10.0.0.5', 'x'])('refuses %s as an address', async (url) => {
    await expect(connectionOf({}, { FCCTL_URL: url })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
