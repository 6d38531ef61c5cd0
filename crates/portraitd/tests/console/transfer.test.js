// Import and export: a long file with bad lines, interrupted and continued; the export's bytes.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOOKS, check, directory, openAs, run, serve } from './support.js';

const APP = 1400000000;
const LINES = 50_000;
const NICK = 'Tag_Profile_IM_Nick';

/** What a download holds. @param {object} page @param {() => Promise<void>} begin */
async function downloaded(page, begin) {
  const [download] = await Promise.all([page.waitForEvent('download'), begin()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

const account = (/** @type {number} */ index) => JSON.stringify({ UserID: `u${String(index).padStart(5, '0')}`, ProfileItem: [{ Tag: NICK, Value: `Nick ${index} 名` }] });
/** Every thousandth line is bad, each in another way. @param {number} line */
function badLine(line) {
  const kind = (line / 1000) % 3;
  if (kind === 0) return 'not JSON';
  if (kind === 1) return JSON.stringify({ UserID: 'long', ProfileItem: [{ Tag: NICK, Value: 'x'.repeat(501) }] });
  return JSON.stringify({ UserID: 'tag', ProfileItem: [{ Tag: 'Tag_Profile_Custom_None', Value: 1 }] });
}

test('50,000 lines are imported over a pause and a reload, and the bad ones come back as a file', async () => {
  const server = await serve();
  const lines = Array.from({ length: LINES }, (_, index) => ((index + 1) % 1000 === 0 ? badLine(index + 1) : account(index)));
  const bad = lines.map((text, index) => ({ line: index + 1, text })).filter(({ line }) => line % 1000 === 0);
  const path = join(directory(), 'users.jsonl');
  writeFileSync(path, lines.join('\n'));
  const opened = await openAs(server, `#/${APP}/transfer`);
  const { page } = opened;

  // The twentieth part is held until the import is paused, so that it is in the middle.
  let parts = 0;
  let release = () => {};
  const held = new Promise((resolve) => (release = resolve));
  await page.route(/\/import\?/, async (route) => {
    parts += 1;
    if (parts === 20) await held;
    return route.fallback();
  });
  await page.locator('input[type=file]').setInputFiles(path);
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText('19,000 lines read: 18,981 imported, 19 refused').waitFor();
  assert.ok(await page.locator('progress').evaluate((bar) => bar.value > 0.3 * bar.max && bar.value < 0.5 * bar.max));
  await page.getByRole('button', { name: 'Pause' }).click();
  release();
  await page.getByText('20,000 lines read: 19,980 imported, 20 refused').waitFor();
  await page.getByText('Paused.').waitFor();
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/usage`)).accounts, 19_980 + 1);
  const early = await downloaded(page, () => page.getByRole('button', { name: 'Download them' }).click());
  assert.equal(early.bytes.toString().trim().split('\n').length, 20);
  await check(opened);

  await page.reload();
  await page.getByText('stopped after 20,000 lines').waitFor();
  await check(opened);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.getByText('it goes on after 20,000 lines').waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('The import is complete.').waitFor({ timeout: 120_000 });
  await page.getByText('50,000 lines read: 49,950 imported, 50 refused').waitFor();
  assert.equal(parts, LINES / 1000);
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/usage`)).accounts, 49_950 + 1);
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/accounts/u49998`)).profile[NICK], 'Nick 49998 名');

  const refused = await downloaded(page, () => page.getByRole('button', { name: 'Download them' }).click());
  assert.equal(refused.name, 'users.jsonl.refused');
  const rows = refused.bytes.toString().trim().split('\n').map((row) => JSON.parse(row));
  assert.deepEqual(rows.map(({ line, text }) => ({ line, text })), bad);
  assert.ok(rows.every(({ reason }) => reason.length > 5));
  await check(opened);

  // The export has the bytes of the command line's.
  const out = join(directory(), 'out.jsonl');
  await run(['export', String(APP), out, '--data', server.data]);
  const exported = await downloaded(page, () => page.getByRole('button', { name: 'Export all users' }).click());
  assert.ok(exported.bytes.equals(readFileSync(out)));
  assert.equal(exported.name, `${APP}.jsonl`);
  await page.getByText('The browser saves the file.').waitFor();
  await check(opened);
});

test('a file is checked without storing, and imported then', async () => {
  const server = await serve();
  await server.api('PUT', `/admin/v1/apps/${APP}/accounts/u00001`);
  const lines = Array.from({ length: 2500 }, (_, index) => ((index + 1) % 1000 === 0 ? badLine(index + 1) : account(index)));
  const path = join(directory(), 'users.jsonl');
  writeFileSync(path, lines.join('\n'));
  for (const look of LOOKS) {
    const opened = await openAs(server, `#/${APP}/transfer`, look);
    const { page } = opened;
    const before = (await server.api('GET', '/admin/v1/store')).changes;
    await page.locator('input[type=file]').setInputFiles(path);
    await page.locator('main .card').first().locator('button:not(.primary)').click();
    await page.locator('.note.good').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 2);
    assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/usage`)).accounts, 2);
    await check(opened);
    if (look === LOOKS[0]) {
      await page.getByText('2,500 lines checked: 2,498 can be imported, 2 refused').waitFor();
      await page.getByText('An import would create 2,497 users and change 1.').waitFor();
      const refused = await downloaded(page, () => page.getByRole('button', { name: 'Download them' }).click());
      assert.deepEqual(refused.bytes.toString().trim().split('\n').map((row) => JSON.parse(row).line), [1000, 2000]);
    }
    // Nothing is left to be continued by a check.
    await page.reload();
    await page.locator('input[type=file]').waitFor();
    assert.equal(await page.locator('.note.warn').count(), 0);
    assert.equal((await server.api('GET', '/admin/v1/store')).changes, before);
    await opened.context.close();
  }
  const opened = await openAs(server, `#/${APP}/transfer`);
  const { page } = opened;
  await page.locator('input[type=file]').setInputFiles(path);
  await page.getByRole('button', { name: 'Check without storing' }).click();
  await page.getByText('The check is complete.').waitFor();
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText('The import is complete.').waitFor();
  await page.getByText('2,500 lines read: 2,498 imported, 2 refused').waitFor();
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/usage`)).accounts, 2498 + 1);
  await check(opened);
});

test('each part of a CSV file is read by its header, and a refused row has its place in the file', async () => {
  const server = await serve();
  const opened = await openAs(server, `#/${APP}/transfer`, { expected: /status of 400/ });
  const { page } = opened;
  const path = join(directory(), 'users.csv');
  for (const end of ['\n', '\r\n']) {
    // Two lines each, so that rows and lines differ; a blank line counts as a line, too.
    const rows = Array.from({ length: 2500 }, (_, index) => ((index + 1) % 1000 === 0 ? `bad${index},x,y` : `u${index},"two${end}lines"`));
    const text = ['UserID,Nick', ...rows.slice(0, 1500), '', ...rows.slice(1500)].join(end);
    const lines = text.split(end);
    const bad = rows.filter((row) => row.startsWith('bad')).map((row) => ({ line: lines.indexOf(row) + 1, text: row }));
    writeFileSync(path, text);
    await page.locator('input[type=file]').setInputFiles(path);
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('The import is complete.').waitFor();
    await page.getByText('2,498 imported, 2 refused').waitFor();
    const refused = await downloaded(page, () => page.getByRole('button', { name: 'Download them' }).click());
    assert.deepEqual(refused.bytes.toString().trim().split('\n').map((row) => JSON.parse(row)).map(({ line, text }) => ({ line, text })), bad);
    await page.getByRole('button', { name: 'Another file' }).click();
  }
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/accounts/u2400`)).profile[NICK], 'two\r\nlines');
  // A column that the app does not have is told before anything is stored.
  writeFileSync(path, 'UserID,None\nnew,1\n');
  await page.locator('input[type=file]').setInputFiles(path);
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('alert').filter({ hasText: 'column `None`' }).waitFor();
  await check(opened);
});

test('numbers and texts of every kind are exported with the bytes of the command line, in every look', async () => {
  const server = await serve();
  const base = `/admin/v1/apps/${APP}`;
  await server.api('PUT', `${base}/fields/Score`, { type: 'uint64', read: ['admin'], write: ['admin'] });
  await server.api('PUT', `${base}/fields/Raw`, { type: 'bytes', read: ['admin'], write: ['admin'] });
  const csv = join(directory(), '用户.csv');
  const rows = ['UserID,Nick,Score,Raw', 'max,"a ""quoted"", name",18446744073709551615,x', '"爱\u2028",,9007199254740993,"line\nbreak"', 'bad,x,1.5,', 'short,x'];
  for (const look of LOOKS) {
    writeFileSync(csv, `\uFEFF${rows.join('\r\n')}`);
    const opened = await openAs(server, `#/${APP}/transfer`, { ...look, expected: /status of 404/ });
    const { page } = opened;
    await page.locator('input[type=file]').setInputFiles(csv);
    await page.locator('main .card').first().locator('button.primary').click();
    await page.locator('.note.good').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 2);
    assert.deepEqual(await page.locator('tbody tr td:first-child').allTextContents(), ['5', '6']);
    await check(opened);

    const out = join(directory(), 'out.jsonl');
    await run(['export', String(APP), out, '--data', server.data]);
    const exported = await downloaded(page, () => page.locator('main .card').nth(1).locator('button.primary').click());
    assert.equal(exported.bytes.toString(), readFileSync(out, 'utf8'));
    assert.ok(exported.bytes.includes('18446744073709551615'));
    assert.ok(exported.bytes.includes('9007199254740993'));
    await run(['export', String(APP), out, '--user', 'max', '--data', server.data]);
    await page.locator('main .card').nth(1).locator('form input').fill('max');
    const one = await downloaded(page, () => page.locator('main .card').nth(1).locator('form button').click());
    assert.equal(one.bytes.toString(), readFileSync(out, 'utf8'));
    assert.equal(one.name, `${APP}-max.jsonl`);
    await page.locator('main .card').nth(1).locator('form input').fill('nobody');
    await page.locator('main .card').nth(1).locator('form button').click();
    await page.locator('[role=alert]', { hasText: 'nobody' }).waitFor();
    await check(opened);
    await opened.context.close();
  }
});
