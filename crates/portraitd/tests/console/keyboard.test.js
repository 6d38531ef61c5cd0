// Without a mouse, and on a phone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, nickOf, setNick } from './public.js';
import { LOOKS, check, dev, open } from './support.js';
import { textsOf } from './texts.js';

/** More keys than any page needs on the way to one of its parts. */
const TABS_MAX = 120;
const PAGES = [
  'explorer', 'calls', 'usersig', 'inbox', 'faults', 'connect', 'users', 'fields', 'words', 'keys', 'settings', 'webhook', 'transfer',
  'overview', 'apps', 'tokens', 'audit', 'backup',
];

/** Presses Tab until an element has the focus that fits a selector, and asserts that the focus was seen on the way. */
async function tabTo(page, selector) {
  for (let count = 0; count < TABS_MAX; count += 1) {
    await page.keyboard.press('Tab');
    const { fits, seen, what } = await page.evaluate((wanted) => {
      const focused = document.activeElement;
      const style = getComputedStyle(focused);
      return { fits: focused.matches(wanted), seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none', what: focused.outerHTML.slice(0, 120) };
    }, selector);
    assert.ok(seen, `the focus can't be seen on ${what}`);
    if (fits) return;
  }
  assert.fail(`${selector} can't be reached with Tab`);
}

test('a call is written and sent, and a user changed, with keys alone', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    const opened = await open(`${server.url}/console/`, look);
    const { page } = opened;
    await page.getByRole('button', { name: t('explorer.send') }).waitFor();

    // Past the menu at once.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await tabTo(page, `[aria-label="${t('explorer.value_of', { tag: 'Tag_Profile_IM_Nick' })}"]`);
    await page.keyboard.press('Control+a');
    await page.keyboard.type(`by keys ${look.language}`);
    await page.keyboard.press('Control+Enter');
    await page.locator('main .badge.good', { hasText: 'OK' }).waitFor();
    assert.equal(await nickOf(server), `by keys ${look.language}`);
    await check(opened);

    // Another command, by its chip; the editor of JSON does not hold the Tab key.
    await page.keyboard.press('Escape');
    await page.locator('#main').focus();
    await tabTo(page, 'a[href$="/explorer/portrait_get"]');
    await page.keyboard.press('Enter');
    await page.locator('[aria-current=true]', { hasText: 'portrait_get' }).waitFor();
    await tabTo(page, '[role=tab][id=tab-form]');
    await page.keyboard.press('ArrowRight');
    await tabTo(page, '.editor textarea');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('{"To_Account":["carol"],"TagList":["Tag_Profile_IM_Nick"]}');
    await tabTo(page, 'summary, a, button');
    await page.keyboard.press('Control+Enter');
    await page.waitForFunction(() => document.querySelector('main').textContent.includes('"carol"'));
    const [record] = await server.api('GET', '/_portraitd/requests?command=portrait_get&user=carol&count=1&wait_ms=10000');
    assert.equal(record.code, 0);

    // A user: the page, the search, the row, the field, the question.
    await page.locator('#main').focus();
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.locator('tbody tr', { hasText: 'carol' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('bo');
    await page.locator('tbody tr', { hasText: 'carol' }).waitFor({ state: 'detached' });
    await tabTo(page, 'tbody tr');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 2, name: 'bob' }).waitFor();
    await tabTo(page, '#value-Tag_Profile_IM_Nick');
    await page.keyboard.press('Control+a');
    await page.keyboard.type(`Bob ${look.language}`);
    await page.keyboard.press('Control+Enter');
    await page.locator('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'value-Tag_Profile_IM_Nick', 'the focus returns');
    await page.keyboard.press('Control+Enter');
    await page.locator('dialog').waitFor();
    await check(opened);
    await page.keyboard.press('Enter');
    await page.locator('.toasts').getByText(t('users.saved')).waitFor();
    assert.equal(await nickOf(server, 'bob'), `Bob ${look.language}`);
    await page.waitForFunction(() => document.activeElement.id === 'value-Tag_Profile_IM_Nick');
    await check(opened);
    await opened.context.close();
  }
});

test('every page fits a phone, in both languages', async () => {
  const server = await dev();
  await server.api('PUT', `/admin/v1/apps/${server.sdkappid}/webhook`, { url: `${server.url}/_portraitd/webhooks/${server.sdkappid}` });
  await server.api('POST', '/_portraitd/faults', { command: 'portrait_set', user: 'w'.repeat(32), probability: 0.125, close: 'after' });
  await server.api('PUT', '/_portraitd/clock', { advance: '1d' });
  await call(server, 'im_open_login_svc/account_import', { UserID: 'W'.repeat(32), Nick: 'W'.repeat(400) });
  await setNick(server, 'W'.repeat(400), 'W'.repeat(32));
  await call(server, `${'long/'.repeat(40)}path`, { From_Account: 'W'.repeat(900) });
  await setNick(server, 'alice');
  for (const look of [{ language: 'en', theme: 'light', width: 390 }, { language: 'zh', theme: 'dark', width: 390 }]) {
    const t = textsOf(look.language);
    const opened = await open(`${server.url}/console/`, look);
    const { page } = opened;
    for (const name of PAGES) {
      await page.goto(`${server.url}/console/#/${server.sdkappid}/${name}`);
      await page.getByRole('heading', { level: 1, name: t(`page.${name}`) }).waitFor();
      await page.waitForFunction((loading) => !document.querySelector('main').textContent.includes(loading), t('loading'));
      const rows = page.locator('main tbody tr[tabindex]');
      // The details of what is chosen are below the list.
      if (['calls', 'inbox'].includes(name)) await rows.first().waitFor();
      for (const row of await rows.all()) {
        await row.click();
        await fits(page, `${name} ${look.language}`);
      }
      await check(opened).catch((error) => {
        throw new Error(`${name} in ${look.language}: ${error.message}`);
      });
    }
    await page.getByRole('button', { name: t('menu') }).click();
    await page.locator('nav.side.open a').first().waitFor();
    await check(opened);
    await opened.context.close();
  }
});

async function fits(page, what) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${what} is ${wide} px wide`);
}
