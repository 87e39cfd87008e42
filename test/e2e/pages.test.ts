import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { recordFailed, recordFinished, recordRunning } from '../fixtures/replay/recording.ts';
import { Replay, healthy } from '../fixtures/replay/server.ts';
import { type TestBrowser, measureOverflow, startBrowser, takeScreens } from './browser.ts';
import { buildPages } from './pages.ts';

const topic = 'Impact of AI on software development';
let browser: TestBrowser;
let replay: Replay;
let url: string;

beforeAll(async () => {
  const folder = await buildPages();
  replay = new Replay(folder);
  url = await replay.listen();
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  await replay?.close();
});

beforeEach(() => {
  replay.state = {
    runs: {
      workflow_running: recordRunning('workflow_running', topic),
      workflow_done: recordFinished('workflow_done', topic),
      workflow_partial: recordFinished('workflow_partial', 'Should a town of 20,000 build a tram line', 'creative'),
      workflow_failed: recordFailed('workflow_failed', 'What makes a good index of old newspapers'),
    },
    signedIn: true,
    system: healthy,
  };
});

/** Opens a path, runs the check, takes the screens, and ends with: nothing against the policy, no error, nothing sticks out. */
async function visit(path: string, name: string, check: (page: Page) => Promise<void>): Promise<void> {
  const { page, faults } = await browser.open();
  try {
    await page.goto(url + path);
    await check(page);
    await takeScreens(page, name);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await measureOverflow(page)).toBe(0);
    expect(faults).toEqual([]);
  } finally {
    await page.close();
  }
}

const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

describe('launch pad', () => {
  test('asks one question and shows workflows and recent runs', () =>
    visit('/', 'launch', async (page) => {
      await sees(page, 'What should we look into?');
      await page.getByRole('link', { name: /Parallel analysis/ }).waitFor();
      await page.getByRole('link', { name: /tram line/ }).waitFor();
      expect(await page.getByRole('link', { name: /API documentation/ }).getAttribute('href')).toBe('/api/docs');
    }));

  test('says what to do first when there is no run', () => {
    replay.state.runs = {};
    return visit('/', 'launch-empty', (page) => sees(page, 'No runs yet'));
  });

  test('shows the shape of what loads', () => {
    replay.state.hold = '/api/workflows';
    return visit('/', 'launch-loading', (page) => page.getByLabel('Loading').first().waitFor());
  });

  test('keeps what it has when one source fails, and says why', () => {
    replay.state.refuse = {
      path: '/api/workflows',
      code: 'INTERNAL',
      message: 'The request met a fault inside Bigbox.',
    };
    return visit('/', 'launch-partial', async (page) => {
      await sees(page, /request req-2b91/);
      await page.getByRole('link', { name: /Parallel analysis/ }).waitFor();
    });
  });

  test('tells a visitor without a session how to get a link', () => {
    replay.state.signedIn = false;
    return visit('/', 'signed-out', (page) => sees(page, 'bigbox login-link'));
  });
});

describe('parallel analysis', () => {
  test('has three perspectives on, and changes the forecast with them', () =>
    visit('/parallelization/', 'ask', async (page) => {
      await sees(page, '3 of 6 on, each is an agent of its own');
      await sees(page, /4 model calls, a typical run takes 52 s/);
      await page.getByLabel('Topic').fill(topic);
      await page.getByRole('checkbox', { name: /Critical/ }).press('Space');
      await sees(page, /5 model calls/);
      await page.getByText('Options', { exact: true }).click();
    }));

  test('shows live lanes as words, with code and its output', () =>
    visit('/parallelization/?run=workflow_running', 'running', async (page) => {
      await sees(
        page,
        'Assistants shorten the writing of routine code, while review and integration become the slowest part of the work.',
      );
      await sees(page, 'waits for 3 of 3');
      await sees(page, 'ran python, exit 0, 0.4 s');
      expect(await page.getByText('**Key').count()).toBe(0);
    }));

  test('goes on where it was when the connection comes back', async () => {
    const all = recordFinished('workflow_running', topic);
    const half = all.slice(0, 30);
    replay.state.runs = { workflow_running: half };
    const { page, faults } = await browser.open();
    await page.goto(`${url}/parallelization/?run=workflow_running`);
    await page.getByRole('heading', { name: topic }).waitFor();
    const port = Number(new URL(url).port);
    await replay.close();
    await sees(page, /Connection lost, trying again/);
    await takeScreens(page, 'offline');
    const state = { ...replay.state, runs: { workflow_running: all } };
    replay = new Replay(await buildPages());
    replay.state = state;
    await replay.listen(port);
    await page.getByRole('heading', { name: /Convergent findings/ }).waitFor();
    expect(await page.getByText('Hold a weekly hour in which the assistant proposes what to delete.').count()).toBe(1);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('puts the synthesis first and leads from a citation to its source', () =>
    visit('/parallelization/?run=workflow_done', 'done', async (page) => {
      await page.getByRole('heading', { name: /Convergent findings/ }).waitFor();
      const mark = page.getByRole('button', { name: 'Source: Practical, Key points 2' });
      await mark.hover();
      await page.getByText('Review capacity has to grow before output does.').nth(1).waitFor();
      await mark.click();
      expect(await page.evaluate('document.activeElement.id')).toBe('point-practical.key-points.2');
      await sees(page, /not a measurement/);
      await page.mouse.move(0, 0);
      await page.getByText('Review capacity has to grow before output does.').nth(1).waitFor({ state: 'detached' });
    }));

  test('shows a run without one of its perspectives', () =>
    visit('/parallelization/?run=workflow_partial', 'partial', async (page) => {
      await sees(page, /closed the stream after 41 tokens/);
      await page.getByRole('heading', { name: /Priorities/ }).waitFor();
    }));

  test('shows why a run failed and what to do', () =>
    visit('/parallelization/?run=workflow_failed', 'failed', (page) =>
      sees(page, /None of the 3 perspectives could answer/),
    ));

  test('says that there is no such run', () =>
    visit('/parallelization/?run=workflow_none', 'no-run', (page) => sees(page, /There is no run workflow_none/)));
});

describe('runs', () => {
  test('lists every run with its state', () =>
    visit('/runs', 'runs', async (page) => {
      await page.getByRole('link', { name: /old newspapers.*failed/s }).waitFor();
    }));

  test('shows the timeline of a run under its own address', () =>
    visit('/runs/workflow_done?tab=timeline', 'timeline', (page) => sees(page, 'Analytical: code 1')));

  test('shows the events of a run', () =>
    visit('/runs/workflow_done?tab=events', 'events', (page) => sees(page, 'synthesis-available')));
});
