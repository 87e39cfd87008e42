import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBrowser, measureOverflow, startBrowser, takeScreens } from './browser.ts';
import { type TestSystem, startSystem } from './system.ts';

let browser: TestBrowser;
let system: TestSystem;

beforeAll(async () => {
  system = await startSystem(() => undefined);
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
  await system?.close();
});

/** Opens a page with a session, and ends with: nothing against the policy, no error, nothing sticks out at 390. */
async function withPage(path: string, use: (page: Page) => Promise<void>): Promise<void> {
  const { page, faults } = await browser.open();
  try {
    if ((await browser.context.cookies()).length === 0) {
      await page.goto(await system.loginLink());
      await page.getByText('What should we look into?').waitFor();
    }
    await page.goto(system.url + path);
    await use(page);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await measureOverflow(page)).toBe(0);
    expect(faults).toEqual([]);
  } finally {
    await page.close();
  }
}

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });
const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });
const state = (page: Page, word: string) => page.getByRole('status').getByText(word, { exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
let address = '';

async function runCommand(page: Page, line: string): Promise<void> {
  await page.getByLabel('Command', { exact: true }).fill(line);
  await page.getByLabel('Command', { exact: true }).press('Enter');
}

describe('machines', () => {
  test('begin empty, and a VM is made with name, timeout, labels and environment', () =>
    withPage('/machines', async (page) => {
      await page.getByText('No VMs yet').waitFor();
      await page.getByText(/Target 1 clone ready/).waitFor();
      await takeScreens(page, 'machines-empty');
      await button(page, 'Create a VM').first().click();
      await dialog(page).getByLabel('Name').fill('builder');
      await dialog(page).getByLabel('Timeout').fill('soon');
      await dialog(page).getByText('A time like 90 s, 15 min or 2 h, at most 7 d.').waitFor();
      await dialog(page).getByLabel('Timeout').fill('2 h');
      await dialog(page).getByLabel('What happens then').selectOption('pause');
      await dialog(page).getByLabel('Labels').fill('job=nightly\nteam=core');
      await dialog(page).getByLabel('Environment').fill('GREETING=hello');
      await takeScreens(page, 'machines-create');
      await button(page, 'Create').click();
      await state(page, 'running').waitFor();
      await page.getByRole('heading', { name: 'builder' }).waitFor();
      await page.getByText('pauses in 2 h').waitFor();
      address = new URL(page.url()).pathname;
    }));

  test('run a command with live output, input and end, and show its output again from an offset', () =>
    withPage(address, async (page) => {
      await page.getByText('Nothing was started here yet').waitFor();
      await page.getByLabel('Keep its input open').check();
      await runCommand(page, 'echo "$GREETING there"; echo trouble >&2; read -r line; echo "got $line"; exit 3');
      const output = page.getByRole('log', { name: 'Output' });
      await output.getByText('hello there').waitFor();
      await output.getByText('trouble').waitFor();
      await takeScreens(page, 'machine-running-process');
      await page.getByLabel('A line for standard input').fill('a line');
      await button(page, 'Send').click();
      await output.getByText('got a line').waitFor();
      await page.getByText(/^exit 3, after/).waitFor();
      await page.getByLabel('From byte').fill('6');
      await button(page, 'Read').click();
      await expect.poll(() => output.innerText(), { timeout: 20_000 }).toBe('there\ntrouble\ngot a line\n');
      await page.reload();
      await expect.poll(() => output.innerText(), { timeout: 20_000 }).toBe('there\ntrouble\ngot a line\n');
      await runCommand(page, 'sleep 600');
      await page
        .getByRole('region', { name: /Process/ })
        .getByText(/^running$/)
        .waitFor();
      await button(page, 'Kill with all it started').click();
      await page.getByText(/^killed, after/).waitFor();
      await takeScreens(page, 'machine-processes');
    }));

  test('have a terminal that a reload finds again', () =>
    withPage(`${address}?tab=terminal`, async (page) => {
      await button(page, 'Open a shell').click();
      const rows = page.locator('.xterm-rows');
      await rows
        .getByText(/\$\s*$/)
        .first()
        .waitFor();
      await page.keyboard.type('stty size; echo "a $TERM"\n');
      await rows.getByText('a xterm-256color').waitFor();
      await takeScreens(page, 'machine-terminal');
      await page.reload();
      await rows.getByText('a xterm-256color').waitFor();
      await page.locator('.xterm-helper-textarea').focus();
      await page.setViewportSize({ width: 700, height: 900 });
      await expect
        .poll(
          async () => {
            await page.keyboard.type('stty size\n');
            return new Set((await rows.innerText()).match(/^\d+ \d+$/gm)).size;
          },
          { timeout: 20_000, interval: 1000 },
        )
        .toBeGreaterThan(1);
      await page.keyboard.type('exit 5\n');
      await page.getByText('The shell has ended: exit 5.').waitFor();
    }));

  test('take files in, show them and give them back', () =>
    withPage(`${address}?tab=files`, async (page) => {
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
      const files = [
        { name: 'fruit.csv', mimeType: 'text/csv', buffer: Buffer.from('name,count\npear,3\n') },
        { name: 'all bytes.bin', mimeType: 'application/octet-stream', buffer: bytes },
      ];
      await page.locator('input[type=file]').setInputFiles(files);
      await page.getByRole('link', { name: /fruit\.csv/ }).click();
      await page.getByRole('log', { name: 'fruit.csv' }).getByText('pear,3').waitFor();
      await takeScreens(page, 'machine-files');
      await page.getByRole('link', { name: /all bytes\.bin/ }).click();
      await page.getByText('This file is no text').waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download').click()]);
      expect(download.suggestedFilename()).toBe('all bytes.bin');
      expect(bytes.equals(await readFile(await download.path()))).toBe(true);
      await page.getByLabel('Folder', { exact: true }).fill('/no/such/folder');
      await page.getByLabel('Folder', { exact: true }).press('Enter');
      await page.getByText('GUEST_FILE_ERROR').waitFor();
      await button(page, 'The folder above').click();
      await page.waitForURL(/path=%2Fno%2Fsuch$/);
    }));

  test('are measured, and say when their guest does not run', () =>
    withPage(`${address}?tab=metrics`, async (page) => {
      await page.getByRole('heading', { name: 'Memory in the guest' }).waitFor();
      await page.getByText(/^\d+ %$/).waitFor();
      await button(page, 'Pause').click();
      await state(page, 'paused').waitFor();
      await page.getByText(/The guest is paused/).waitFor();
      await takeScreens(page, 'machine-metrics');
      await tab(page, 'Files').click();
      await page.getByText('The VM is paused').waitFor();
      await button(page, 'Resume it').click();
      await page.getByRole('link', { name: /fruit\.csv/ }).waitFor();
      await tab(page, 'Console').click();
      await page
        .getByText('Nothing was written on the console')
        .or(page.getByRole('log', { name: 'Console' }))
        .waitFor();
      await takeScreens(page, 'machine-console');
    }));

  test('are stopped and started with their disk', () =>
    withPage(`${address}?tab=files`, async (page) => {
      await button(page, 'Stop').click();
      await dialog(page).getByText('Its disk is kept').waitFor();
      await takeScreens(page, 'machine-stop');
      await dialog(page).getByRole('button', { name: 'Stop', exact: true }).click();
      await state(page, 'stopped').waitFor({ timeout: 60_000 });
      await takeScreens(page, 'machine-stopped');
      await button(page, 'Start it').click();
      await page.getByRole('link', { name: /fruit\.csv/ }).waitFor({ timeout: 60_000 });
    }));

  test('show what listens in them, and what it answers by a link', () =>
    withPage(`${address}?tab=ports`, async (page) => {
      await page.getByText('Nothing listens in this VM').waitFor();
      await takeScreens(page, 'machine-ports-none');
      await tab(page, 'Processes').click();
      await runCommand(page, 'exec python3 -m http.server 8000');
      await tab(page, 'Ports').click();
      await page.getByText('8000', { exact: true }).waitFor({ timeout: 60_000 });
      await page.getByLabel('A new link works for').selectOption('1 day');
      await button(page, 'Make a link').click();
      const [preview] = await Promise.all([
        page.waitForEvent('popup'),
        page.getByRole('link', { name: 'Open' }).click(),
      ]);
      await preview.getByRole('link', { name: 'fruit.csv' }).waitFor();
      await preview.close();
      await page.getByText(/^ends in 2[34] h/).waitFor();
      await takeScreens(page, 'machine-ports');
    }));

  test('keep snapshots and forks as a tree, and go on from a snapshot', () =>
    withPage(address, async (page) => {
      await button(page, 'Snapshot').click();
      await dialog(page).getByLabel('Name').fill('sorted');
      await button(page, 'Make the snapshot').click();
      await page.getByText(/snapshot, \d/).waitFor({ timeout: 60_000 });
      await button(page, 'Fork').click();
      await dialog(page).getByLabel('How many').fill('2');
      await dialog(page).getByLabel('Name').fill('attempt');
      await dialog(page).getByRole('button', { name: 'Fork', exact: true }).click();
      await page.getByRole('link', { name: 'attempt-2' }).waitFor({ timeout: 60_000 });
      await button(page, 'Create a VM').click();
      await dialog(page).getByLabel('Name').fill('second');
      await button(page, 'Create').click();
      await page.getByRole('heading', { name: 'second' }).waitFor();
      await state(page, 'running').waitFor({ timeout: 60_000 });
      await tab(page, 'Snapshots and forks').click();
      await page.getByText('second, this VM').waitFor();
      await expect.poll(() => page.getByRole('listitem').getByText('running').count(), { timeout: 60_000 }).toBe(4);
      await takeScreens(page, 'machine-tree');
      await tab(page, 'Files').click();
      await page.getByRole('link', { name: /fruit\.csv/ }).waitFor();
      await tab(page, 'Snapshots and forks').click();
      await button(page, 'Fork').click();
      await dialog(page).getByLabel('Name').fill('better');
      await dialog(page).getByRole('button', { name: 'Fork', exact: true }).click();
      await page.getByRole('link', { name: 'better-1' }).click();
      await page.getByRole('heading', { name: 'better-1' }).waitFor();
      await state(page, 'running').waitFor({ timeout: 60_000 });
      await button(page, 'Promote').click();
      await dialog(page)
        .getByText(/goes on as this fork is/)
        .waitFor();
      await takeScreens(page, 'machine-promote');
      await dialog(page).getByRole('button', { name: 'Promote', exact: true }).click();
      await page.getByRole('heading', { name: 'second' }).waitFor({ timeout: 60_000 });
      await state(page, 'running').waitFor();
    }));

  test('are found by state and words, and several are deleted after a question', () =>
    withPage('/machines', async (page) => {
      await page.getByRole('link', { name: 'Running 4' }).waitFor();
      await takeScreens(page, 'machines');
      await page.getByLabel('Find VMs').fill('attempt');
      await page.getByRole('link', { name: /^attempt-1/ }).waitFor();
      expect(await page.getByRole('link', { name: /^builder/ }).count()).toBe(0);
      await page.reload();
      expect(await page.getByLabel('Find VMs').inputValue()).toBe('attempt');
      await page.getByLabel('Select all that are shown').check();
      await button(page, 'Delete').click();
      await dialog(page).getByText('Delete 2 VMs?').waitFor();
      await takeScreens(page, 'machines-delete');
      await page.keyboard.press('Escape');
      await dialog(page).waitFor({ state: 'detached' });
      await button(page, 'Delete').click();
      await dialog(page).getByRole('button', { name: 'Delete' }).click();
      await page.getByText('No VM matches').waitFor();
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.getByRole('link', { name: /^second/ }).waitFor();
    }));

  test('say that the VM service is away, with what was read last, and go on when it is back', () =>
    withPage(address, async (page) => {
      await state(page, 'running').waitFor();
      await page.route('**/api/v1/vms/**', (route) => route.abort());
      await page
        .getByText(/^not answering, last read/)
        .first()
        .waitFor();
      await page.getByRole('heading', { name: 'builder' }).waitFor();
      await takeScreens(page, 'machine-away');
      await page.unroute('**/api/v1/vms/**');
      await page.getByText('live', { exact: true }).first().waitFor();
      await button(page, 'Delete').click();
      await dialog(page).getByRole('button', { name: 'Delete' }).click();
      await page.waitForURL(/\/machines$/);
      await page.goto(system.url + address);
      await page.getByText(/^There is no VM vm-/).waitFor();
      await takeScreens(page, 'machine-gone');
    }));
});
