// Live calls: what is called appears, can be looked at and sent again, and none is lost: not while the list is stopped, not
// by six thousand calls, not by a restart of the server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { call, nickOf, setNick } from './public.js';
import { LOOKS, check, dev, open } from './support.js';
import { textsOf } from './texts.js';

const ROWS_MAX = 300;
const KEPT_MAX = 1000;

const rowsOf = (page) => page.locator('tbody tr');
const detailOf = (page) => page.locator('.list-card + .card');
const pauseOf = (page) => page.locator('.list-bar button[aria-pressed]');
/** Waits until the list has so many rows. */
const haveRows = (page, count) => page.waitForFunction((wanted) => document.querySelectorAll('tbody tr').length === wanted, count);
const numbersOf = (page) => rowsOf(page).evaluateAll((rows) => rows.map((row) => Number(row.cells[0].textContent)));

async function openCalls(server, look) {
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/calls`, look);
  await opened.page.locator('.live-dot').waitFor();
  return opened;
}

test('a call appears, is walked to with the arrow keys, and opens in the explorer with its body', async () => {
  const server = await dev();
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const t = textsOf(look.language);
    await server.api('DELETE', '/_portraitd/requests');
    const opened = await openCalls(server, look);
    const { page } = opened;
    await page.locator('.first-run').waitFor();
    const nick = `爱丽丝 O'Neil "x" \\ $y ${look.theme}`;
    const body = { From_Account: 'alice', ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: nick }] };
    await call(server, 'profile/portrait_set', body);
    await rowsOf(page).filter({ hasText: 'portrait_set' }).waitFor();
    await call(server, 'profile/portrait_get', { To_Account: ['bob'], TagList: ['nickName'] });
    await haveRows(page, 2);
    await rowsOf(page).first().click();
    await detailOf(page).locator('.note.bad').waitFor();
    assert.match(await detailOf(page).innerText(), /portrait_get[^]*40009/);
    await page.keyboard.press('ArrowDown');
    await detailOf(page).getByText("O'Neil").first().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-selected')), 'true');
    await check(opened);

    await detailOf(page).getByRole('link', { name: t('calls.explorer') }).click();
    await page.locator('[aria-current=true]', { hasText: 'portrait_set' }).waitFor();
    await page.getByRole('tab', { name: 'JSON' }).click();
    const shown = page.getByLabel(t('explorer.json_label'));
    assert.deepEqual(JSON.parse(await shown.inputValue()), body);
    // What is sent from there is that call again, with the change that was made to it.
    await shown.fill(JSON.stringify({ ...body, From_Account: 'bob' }));
    await page.getByText(t('explorer.recorded')).waitFor();
    await page.getByRole('button', { name: t('explorer.send') }).click();
    await page.getByText(t('explorer.recorded')).waitFor({ state: 'detached' });
    await page.locator('.badge.good', { hasText: 'OK' }).waitFor();
    assert.equal(await nickOf(server, 'bob'), nick);
    await check(opened);
    await opened.context.close();
  }
});

test('a failed call opens in the explorer with its reason, and with the click that puts it right', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    await server.api('DELETE', '/_portraitd/requests');
    const opened = await openCalls(server, look);
    const { page } = opened;
    const answer = page.locator('#panel-answer');
    const inExplorer = async (row) => {
      await row.click();
      await detailOf(page).getByRole('link', { name: t('calls.explorer') }).click();
      await answer.getByText(t('explorer.recorded')).waitFor();
    };
    const live = () => page.evaluate((hash) => (location.hash = hash), `#/${server.sdkappid}/calls`);

    await call(server, 'profile/portrait_get', { To_Account: ['bob'], TagList: ['Tag_Profile_IM_Nick', 'nickName'] });
    const [{ detail, request_id }] = await server.api('GET', '/_portraitd/requests?command=portrait_get');
    await inExplorer(rowsOf(page).first());
    await answer.getByText(detail).first().waitFor();
    assert.equal(await answer.locator('.badge').textContent(), '40009');
    await check(opened);
    for (const tab of ['headers', 'request']) {
      await page.locator(`#tab-${tab}`).click();
      await page.getByText(t('explorer.recorded.part')).waitFor();
    }
    await page.locator('#tab-answer').click();
    // In another tab too, where the live stream is not yet open.
    const second = await open(`${server.url}/console/#/${server.sdkappid}/explorer/portrait_get?id=${request_id}`, { ...look, context: opened.context });
    await second.page.locator('#panel-answer .badge.bad', { hasText: '40009' }).waitFor();
    await second.page.close();
    await answer.getByRole('button', { name: t('explorer.repair.tag', { tag: 'Tag_Profile_IM_Nick' }) }).focus();
    await page.keyboard.press('Enter');
    await answer.locator('.badge.good', { hasText: 'OK' }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-answer', 'the focus is not lost with the button');
    const repaired = (await server.api('GET', '/_portraitd/requests?command=portrait_get')).at(-1);
    assert.deepEqual([repaired.code, repaired.body.TagList], [0, ['Tag_Profile_IM_Nick']]);

    // A call whose body was never read.
    await live();
    await call(server, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: 'bob' }] }, { usersig: 'eJyrVgrx' });
    await inExplorer(rowsOf(page).filter({ hasText: '70003' }).first());
    await page.getByText(t('explorer.recorded.no_body')).waitFor();
    await check(opened);
    await answer.getByRole('button', { name: t('explorer.repair.usersig') }).click();
    await answer.locator('.badge.good', { hasText: 'OK' }).waitFor();

    // An answer that a fault kept from its caller.
    await live();
    await server.api('POST', '/_portraitd/faults', { command: 'portrait_set', next: 1, close: 'after' });
    await setNick(server, 'lost').catch(() => {});
    const lost = rowsOf(page).filter({ hasText: t('code.none') });
    await lost.click();
    assert.equal(await detailOf(page).locator('.badge').first().textContent(), t('code.none'));
    await inExplorer(lost);
    await answer.getByText(t('explorer.lost.made')).waitFor();
    await check(opened);
    await opened.context.close();
  }
});

test('a call is opened for its own app, and what is typed outlives a change of the language', async () => {
  const server = await dev();
  const other = await server.api('POST', '/_portraitd/apps', {});
  const opened = await openCalls(server);
  const { page } = opened;
  await call({ ...server, ...other }, 'profile/portrait_get', { To_Account: ['alice'], TagList: ['nickName'] });
  await page.getByLabel('Every app').check();
  await rowsOf(page).first().click();
  await detailOf(page).getByRole('link', { name: 'Open in explorer' }).click();
  await page.locator('#panel-answer .badge.bad', { hasText: '40009' }).waitFor();
  assert.match(page.url(), new RegExp(`#/${other.sdkappid}/explorer/portrait_get$`));
  await page.getByRole('tab', { name: 'JSON' }).click();
  await page.getByLabel('Body as JSON').fill('{"typed": true}');
  await page.getByRole('button', { name: '中文' }).click();
  assert.equal(await page.getByLabel(textsOf('zh')('explorer.json_label')).inputValue(), '{"typed": true}');
  await check(opened);
});

test('the copy as curl, run in a shell, makes the same call', async () => {
  const server = await dev();
  const opened = await openCalls(server);
  const { page, context } = opened;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const nick = "爱丽丝 O'Neil \"x\" \\ $y `z`";
  await setNick(server, nick);
  await rowsOf(page).first().click();
  await detailOf(page).getByRole('button', { name: 'Copy as curl' }).click();
  await page.locator('.toasts').getByText('Copied').waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(!command.includes(server.usersig), 'a UserSig is never recorded');
  await setNick(server, 'between');
  const shell = spawn('bash', ['-c', command], { env: { ...process.env, PORTRAITD_USERSIG: server.usersig }, stdio: ['ignore', 'pipe', 'ignore'] });
  let answer = '';
  shell.stdout.on('data', (part) => (answer += part));
  await new Promise((resolve) => shell.on('close', resolve));
  assert.equal(JSON.parse(answer).ActionStatus, 'OK');
  assert.equal(await nickOf(server), nick);
  await haveRows(page, 4);
  const records = await server.api('GET', '/_portraitd/requests?command=portrait_set');
  assert.deepEqual(records.at(-1).body, records[0].body);
  await check(opened);
});

test('six thousand calls while the list is open: at most 300 rows, and the last thousand complete', async () => {
  const server = await dev();
  const opened = await openCalls(server);
  const { page } = opened;
  let most = 0;
  let sent = 0;
  const sender = async () => {
    while (sent < 6000) {
      sent += 1;
      if (sent % 500 === 0) most = Math.max(most, await rowsOf(page).count());
      await call(server, 'profile/portrait_get', { To_Account: ['alice'], TagList: ['Tag_Profile_IM_Nick'] });
    }
  };
  await Promise.all(Array.from({ length: 16 }, sender));
  await rowsOf(page).first().filter({ hasText: '6000' }).waitFor();
  assert.ok(most <= ROWS_MAX, `${most} rows`);
  // The count of the menu follows as well.
  await page.locator('nav.side a[aria-current=page] .badge', { hasText: String(KEPT_MAX) }).waitFor();
  await check(opened);

  const seen = [];
  for (;;) {
    const part = await numbersOf(page);
    assert.ok(part.length <= ROWS_MAX);
    seen.push(...part);
    const older = page.getByRole('button', { name: 'Show older' });
    if (await older.count() === 0) break;
    await older.click();
    await page.waitForFunction((last) => Number(document.querySelector('tbody tr').cells[0].textContent) === last - 1, part.at(-1));
  }
  assert.deepEqual(seen, Array.from({ length: KEPT_MAX }, (_, place) => 6000 - place));
  await page.getByRole('button', { name: 'Newest' }).click();
  await rowsOf(page).first().filter({ hasText: '6000' }).waitFor();
});

test('a stopped list keeps still and collects what comes', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    await server.api('DELETE', '/_portraitd/requests');
    const opened = await openCalls(server, look);
    const { page } = opened;
    await setNick(server, 'first');
    await haveRows(page, 1);
    await pauseOf(page).click();
    for (let n = 0; n < 12; n += 1) await setNick(server, `n${n}`);
    await page.getByRole('button', { name: t('list.resume', { n: 12 }), exact: true }).waitFor();
    assert.equal(await rowsOf(page).count(), 1);
    await check(opened);
    await pauseOf(page).click();
    await haveRows(page, 13);
    const numbers = await numbersOf(page);
    assert.deepEqual(numbers, numbers.map((_, place) => numbers[0] - place));
    await page.getByLabel(t('calls.filter')).fill('"n7"');
    await haveRows(page, 1);
    await opened.context.close();
  }
});

test('a page that was hidden says how many calls it missed, and shows all that are kept', async () => {
  const server = await dev();
  const opened = await openCalls(server);
  const { page } = opened;
  await setNick(server, 'seen');
  await haveRows(page, 1);
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await page.getByText('connection lost').waitFor();
  let left = KEPT_MAX + 7;
  const sender = async () => {
    while (left > 0) {
      left -= 1;
      await setNick(server, 'hidden');
    }
  };
  await Promise.all(Array.from({ length: 8 }, sender));
  await hide(false);
  await page.getByText('7 calls came while the connection was lost').waitFor();
  await rowsOf(page).first().filter({ hasText: String(KEPT_MAX + 8) }).waitFor();
  await check(opened);
});

test('the page outlives a restart of its server', async () => {
  let server = await dev();
  const { url } = server;
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const t = textsOf(look.language);
    await server.api('DELETE', '/_portraitd/requests');
    const opened = await openCalls(server, { ...look, expected: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/ });
    const { page } = opened;
    for (let n = 0; n < 5; n += 1) await setNick(server, `before ${n}`);
    await haveRows(page, 5);
    await server.stop();
    await page.getByText(t('list.lost')).waitFor();
    assert.equal(await rowsOf(page).count(), 5, 'what was seen stays');
    await check(opened);
    server = await dev([], new URL(url).host);
    // More than before, so that their numbers alone do not tell that they are another emulator's.
    for (let n = 1; n <= 7; n += 1) await setNick(server, `after ${n}`);
    await haveRows(page, 7);
    assert.deepEqual(await numbersOf(page), [7, 6, 5, 4, 3, 2, 1]);
    await rowsOf(page).last().click();
    await detailOf(page).getByText('after 1').first().waitFor();
    await check(opened);
    await opened.context.close();
  }
});
