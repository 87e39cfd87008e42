import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Approval, type ApprovalRequest } from '../../src/contracts/approvals.ts';
import { type TestBrowser, measureOverflow, startBrowser, takeScreens } from './browser.ts';
import { type TestSystem, startSystem } from './system.ts';

let browser: TestBrowser;
let system: TestSystem;
let page: Page;
let faults: readonly string[];

beforeAll(async () => {
  system = await startSystem(() => undefined);
  browser = await startBrowser();
  ({ page, faults } = await browser.open());
  await page.goto(await system.loginLink());
  await page.getByText('What should we look into?').waitFor();
});

afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const call = async (path: string, init: RequestInit = {}): Promise<Approval> => {
  const headers = { authorization: `Bearer ${system.serviceKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${system.url}/api/v1/approvals${path}`, { ...init, headers });
  return Approval.parse(await response.json());
};

/** Asks as the VM service does before it runs the code. */
const ask = async (code: string): Promise<string> => {
  const question: ApprovalRequest = {
    hook: 'asks-for-deletions',
    reason: 'The code deletes files of the workspace.',
    agent_id: 'researcher',
    language: 'bash',
    code,
    timeout_seconds: 3600,
  };
  return (await call('', { method: 'POST', body: JSON.stringify(question) })).id;
};

const button = (name: string) => page.getByRole('button', { name, exact: true });

describe('approvals', () => {
  test('stand in the page with their number, and the answer reaches who asked', async () => {
    await page.getByRole('link', { name: 'Approvals' }).click();
    await page.getByText('No code waits for you').waitFor();
    await takeScreens(page, 'approvals-none');
    const rejected = await ask('rm -rf workspace/old');
    await page.getByLabel('1 waiting').waitFor();
    await page.getByText('The code deletes files of the workspace.').waitFor();
    await page
      .getByText('is rejected in 1 h without an answer')
      .or(page.getByText(/is rejected in \d+ min/))
      .waitFor();
    await page.getByLabel('Comment').fill('Keep them until the report is written.');
    await takeScreens(page, 'approvals');
    await button('Reject').click();
    await page.getByText('No code waits for you').waitFor();
    expect(await call(`/${rejected}`)).toMatchObject({
      state: 'rejected',
      comment: 'Keep them until the report is written.',
    });

    const approved = await ask('rm -rf workspace');
    await button('Change the code').click();
    await page.getByLabel('The code that runs instead').fill('rm -rf workspace/tmp');
    await takeScreens(page, 'approvals-change');
    await button('Approve the changed code').click();
    await page.getByText('approved, with other code').waitFor();
    expect(await call(`/${approved}`)).toMatchObject({ state: 'approved', approved_code: 'rm -rf workspace/tmp' });
    await page.getByText('approved, with other code').click();
    await page.getByText('rm -rf workspace/tmp').waitFor();
    await takeScreens(page, 'approvals-answered');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await measureOverflow(page)).toBe(0);
    expect(faults).toEqual([]);
  });
});
