import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { type FileTarget } from './file-links.ts';
import { type Links, openLinks } from './links.ts';

const target: FileTarget = { vmId: 'vm-01234567', path: '/tmp/Übung 1.txt', action: 'download' };
const lifeMs = 1000;
let directory: string;
let now: number;
let links: Links;

const open = (): Links => openLinks({ directory, clock: { ...systemClock, now: () => now }, logger: silentLogger });
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-links-'));
  now = 1_000_000;
  links = open();
});
afterEach(() => rmSync(directory, { recursive: true }));

const sign = (): string => links.files.sign(target, lifeMs).token;
const use = (token: string): Promise<string> =>
  links.files.once(token, 'download', async ({ path }, spend) => {
    spend();
    return path;
  });
const invalid = (words: string): object => ({
  code: 'LINK_INVALID',
  message: expect.stringContaining(words) as string,
});

describe('once()', () => {
  test('lets a link be used once, also by the next service', async () => {
    const [token, other] = [sign(), sign()];
    expect(await use(token)).toBe(target.path);
    await expect(use(token)).rejects.toMatchObject(invalid('works once, and was used'));
    links = open();
    await expect(use(token)).rejects.toMatchObject(invalid('works once, and was used'));
    expect(await use(other)).toBe(target.path);
  });

  test('has written down the use when the work goes on', async () => {
    await links.files.once(sign(), 'download', async (_target, spend) => {
      expect(readdirSync(directory)).not.toContain('used-links');
      spend();
      expect(readdirSync(join(directory, 'used-links'))).toHaveLength(1);
    });
  });

  test('leaves a link whose work failed before, and one that the guest refused after all', async () => {
    const token = sign();
    const fail = (code: 'GUEST_FILE_ERROR' | 'GUEST_UNREACHABLE', isSpent: boolean): Promise<never> =>
      links.files.once(token, 'download', async (_target, spend) => {
        if (isSpent) spend();
        throw new BigboxError(code, { message: code });
      });
    await expect(fail('GUEST_UNREACHABLE', false)).rejects.toMatchObject({ code: 'GUEST_UNREACHABLE' });
    await expect(fail('GUEST_FILE_ERROR', true)).rejects.toMatchObject({ code: 'GUEST_FILE_ERROR' });
    await expect(fail('GUEST_UNREACHABLE', true)).rejects.toMatchObject({ code: 'GUEST_UNREACHABLE' });
    await expect(use(token)).rejects.toMatchObject(invalid('was used'));
  });

  test('refuses a second use while the first is under way', async () => {
    const token = sign();
    await links.files.once(token, 'download', async () => {
      await expect(use(token)).rejects.toMatchObject(invalid('being used'));
    });
    expect(await use(token)).toBe(target.path);
  });

  test('refuses a use that begins in time and ends too late', async () => {
    const token = sign();
    const late = links.files.once(token, 'download', async (_target, spend) => {
      now += lifeMs;
      spend();
    });
    await expect(late).rejects.toMatchObject(invalid('ended at'));
  });

  test('forgets used links whose time is over', async () => {
    await use(sign());
    now += lifeMs;
    await use(sign());
    expect(readdirSync(join(directory, 'used-links'))).toHaveLength(1);
    now += lifeMs;
    open();
    expect(readdirSync(join(directory, 'used-links'))).toEqual([]);
  });
});

describe('read()', () => {
  test('gives what was signed until the time is over', () => {
    const token = sign();
    expect(links.files.read(token, 'download')).toMatchObject(target);
    now += lifeMs - 1;
    expect(links.files.read(token, 'download')).toMatchObject(target);
    now += 1;
    expect(() => links.files.read(token, 'download')).toThrow('ended at');
  });

  test('refuses what was changed, made elsewhere, or for something else', () => {
    const token = sign();
    const foreign = openLinks({ directory: join(directory, 'other'), clock: systemClock, logger: silentLogger });
    const preview = links.previews.sign({ vmId: target.vmId, port: 80 }, lifeMs).token;
    const changed = token.replace(`.${now + lifeMs}.`, `.${now + lifeMs + 1}.`);
    const others = [changed, `${token}A`, token.replace('.download.', '.upload.'), preview, '', 'a.1.b'];
    for (const other of [...others, foreign.files.sign(target, lifeMs).token])
      expect(() => links.files.read(other, 'download')).toThrow('was not made by this server');
    expect(() => links.files.read(token, 'upload')).toThrow('is for a download only');
    expect(() => links.previews.read(token)).toThrow('was not made by this server');
    expect(links.previews.read(preview)).toEqual({ vmId: target.vmId, port: 80 });
  });
});
