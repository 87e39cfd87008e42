import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import perspectives from '../../src/workflows/catalog/perspectives.json' with { type: 'json' };
import { makeUpAnswer } from '../fixtures/fake-ollama/answer.ts';
import type { Script } from '../fixtures/fake-ollama/index.ts';
import { startBrowser, takeScreens, type TestBrowser } from './browser.ts';
import { startSystem, type TestSystem } from './system.ts';

const topic = 'Impact of AI on software development';
/** A drafting agent that may hand in a program does; all other text is made up from schema and prompt. */
const script: Script = (call) => {
  const schema = call.request['format'];
  if (!JSON.stringify(schema ?? {}).includes('"program"')) return undefined;
  const program = { figures: [], calculation: '', print: 'print("hours saved:", 10 - 6.5)' };
  const draft = JSON.parse(makeUpAnswer(call.prompt, schema)) as Record<string, unknown>;
  return JSON.stringify({ ...draft, program });
};

/** The words by which calls for a perspective can be told apart, whatever else their prompts say. */
const roleOf = (id: string): string =>
  perspectives.find((one) => one.id === id)?.role ?? expect.fail(`no perspective ${id}`);

let browser: TestBrowser;
let system: TestSystem;

beforeAll(async () => {
  system = await startSystem(script);
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  await system?.close();
});

/** Opens a page, logs in by a link where the browser has no session yet, and ends with: nothing against the policy, no error. */
async function withPage(use: (page: Page) => Promise<void>): Promise<void> {
  const { page, faults } = await browser.open();
  try {
    const cookies = await browser.context.cookies();
    if (cookies.length === 0) await page.goto(await system.loginLink());
    await use(page);
    expect(faults).toEqual([]);
  } finally {
    await page.close();
  }
}

async function startRun(page: Page, about: string): Promise<string> {
  await page.goto(`${system.url}/parallelization/`);
  await page.getByLabel('Topic').fill(about);
  await page.getByLabel('Topic').press('Enter');
  await page.waitForURL(/run=workflow_/);
  return new URL(page.url()).searchParams.get('run') ?? '';
}

const lane = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const state = (page: Page, word: string) => page.getByRole('status').getByText(word, { exact: true }).first();

describe('login', () => {
  test('is asked for, happens by a link, once, and leaves no token in the address', async () => {
    const { page, faults } = await browser.open();
    await page.goto(system.url);
    await page.getByText('You are signed out').waitFor();
    const link = await system.loginLink();
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('What should we look into?').waitFor();
    expect(page.url()).toBe(`${system.url}/`);
    await browser.context.clearCookies();
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('This login link does not work').waitFor();
    await page.getByText('LOGIN_TOKEN_INVALID').waitFor();
    await takeScreens(page, 'real-login-refused');
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe('parallel analysis', () => {
  test('runs from the topic to the cited synthesis, with code in a microVM, and survives a reload in the middle', () =>
    withPage(async (page) => {
      const hold = system.ollama.journal.hold(roleOf('practical'), 12);
      const id = await startRun(page, topic);
      await hold.entered;
      await lane(page, 'Analytical').getByText('ran python, exit 0', { exact: false }).waitFor();
      await lane(page, 'Analytical').getByText('hours saved: 3.5').waitFor();
      await lane(page, 'Synthesis').getByText('waits for 1 of 3').waitFor();
      const point = await lane(page, 'Creative').getByRole('listitem').first().innerText();
      await takeScreens(page, 'real-running');

      await page.reload();
      await lane(page, 'Analytical').getByText('hours saved: 3.5').waitFor();
      await state(page, 'running').waitFor();
      expect(await lane(page, 'Practical').innerText()).not.toContain('"');

      hold.release();
      await page
        .getByRole('button', { name: /^Source: / })
        .first()
        .waitFor();
      await state(page, 'done').waitFor();
      expect(await lane(page, 'Creative').getByText(point, { exact: true }).count()).toBe(1);
      const ran = await page.getByText(/^ran python, exit 0/).count();
      expect(ran).toBeGreaterThan(0);
      await page.getByText('VM executions').locator('..').getByText(String(ran), { exact: true }).waitFor();
      expect(new URL(page.url()).searchParams.get('run')).toBe(id);
      await takeScreens(page, 'real-done');
    }));

  test('stops when it is cancelled, and the history says so', () =>
    withPage(async (page) => {
      const hold = system.ollama.journal.hold('tram', 3);
      const id = await startRun(page, 'Should a town build a tram line');
      await hold.entered;
      await page.getByRole('button', { name: 'Cancel' }).click();
      await state(page, 'cancelled').waitFor();
      await page.getByText(/This run was cancelled/).waitFor();
      hold.release();
      await takeScreens(page, 'real-cancelled');
      await page.getByRole('link', { name: 'Runs', exact: true }).click();
      const row = page.locator(`a[href="/runs/${id}"]`);
      await row.getByText('cancelled').waitFor();
      await takeScreens(page, 'real-runs');
    }));

  test('goes on by itself when the server comes back in the middle of a run', () =>
    withPage(async (page) => {
      const hold = system.ollama.journal.hold('newspapers', 10);
      await startRun(page, 'What makes a good index of old newspapers');
      await hold.entered;
      await page.getByRole('heading', { name: /newspapers/ }).waitFor();
      await system.stop();
      await page.getByText(/Connection lost, trying again/).waitFor();
      await page.getByRole('heading', { name: /newspapers/ }).waitFor();
      await takeScreens(page, 'real-offline');
      await system.start();
      hold.release();
      await page
        .getByRole('button', { name: /^Source: / })
        .first()
        .waitFor({ timeout: 90_000 });
      await page.getByText(/went on after a restart/).waitFor();
      await page.getByText(/Connection lost, trying again/).waitFor({ state: 'detached' });
      expect(system.ollama.journal.repeats()).toEqual([]);
    }));
});

describe('history', () => {
  test('leads to the run with its timeline, and to its file', () =>
    withPage(async (page) => {
      await page.goto(`${system.url}/runs`);
      await page
        .getByRole('link', { name: new RegExp(topic) })
        .first()
        .click();
      await page.getByRole('heading', { name: topic }).waitFor();
      await page.getByRole('tab', { name: 'Timeline' }).click();
      await page.getByText('Analytical: code 1').waitFor();
      await takeScreens(page, 'real-timeline');
      await page.getByRole('tab', { name: 'Events' }).click();
      await page.getByText('run-finished').waitFor();
      await takeScreens(page, 'real-events');

      for (const [name, holds] of [
        ['Markdown', topic],
        ['JSON', '"pattern": "parallelization"'],
      ] as const) {
        await page.getByRole('button', { name: 'Export' }).click();
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('menuitem', { name, exact: true }).click(),
        ]);
        expect(await readFile(await download.path(), 'utf8')).toContain(holds);
      }

      await page.getByRole('link', { name: 'Run again' }).click();
      expect(await page.getByLabel('Topic').inputValue()).toBe(topic);
      await page.goto(system.url);
      await page.getByText(/Typical time on this machine: .* measured/).waitFor();
      await takeScreens(page, 'real-launch');
    }));
});
