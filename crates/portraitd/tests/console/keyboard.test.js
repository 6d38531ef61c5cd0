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
  // Past the last element of the page the Tab key leaves it: one that is still to come would be missed.
  await page.locator(selector).first().waitFor();
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

test('nothing that has the focus is below a bar that stays', async () => {
  const server = await dev();
  for (const [path, first, width] of [
    ['settings', '.settings-number', 1280], ['settings', '.settings-number', 390], ['users/alice', '#value-Tag_Profile_IM_Nick', 390],
  ]) {
    const opened = await open(`${server.url}/console/#/${server.sdkappid}/${path}`, { width });
    const { page } = opened;
    // A change, so that the bar of the settings is at its highest.
    await page.locator(first).first().fill('77');
    for (const key of ['Tab', 'Shift+Tab']) {
      for (let count = 0; count < 25; count += 1) {
        await page.keyboard.press(key);
        const hidden = await page.evaluate(() => {
          const focused = document.activeElement;
          if (!focused.matches('main input, main select, main textarea') || focused.closest('.settings-save')) return null;
          const { left, top, width: w, height } = focused.getBoundingClientRect();
          const above = document.elementFromPoint(left + w / 2, top + height / 2);
          return focused === above || focused.closest('label')?.contains(above) ? null : `${focused.outerHTML} is below ${above?.outerHTML.slice(0, 80)}`;
        });
        assert.equal(hidden, null, `${path} at ${width} px, ${key} ${count}`);
      }
    }
    await opened.context.close();
  }
});

test('a list is one stop of the Tab key, and its arrow keys lead on', async () => {
  const server = await dev();
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/users`);
  const { page } = opened;
  await page.locator('tbody tr', { hasText: 'carol' }).waitFor();
  assert.equal(await page.locator('tbody tr[tabindex="0"]').count(), 1);
  await page.locator('[data-filter]').focus();
  await tabTo(page, 'tbody tr');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const selected = page.locator('tbody tr[aria-selected=true]');
  await page.waitForFunction(() => document.activeElement.matches('tr[aria-selected=true][tabindex="0"]'));
  assert.match(await selected.textContent(), /^bob/);
  assert.equal(await page.locator('tbody tr[tabindex="0"]').count(), 1);
  await check(opened);
});

test('a dialog takes the focus to what is to be typed, gives it back, and goes with the page', async () => {
  const server = await dev();
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/connect`);
  const { page } = opened;
  await page.getByRole('heading', { level: 1, name: 'Connect' }).waitFor();
  await page.evaluate((hash) => (location.hash = hash), `#/${server.sdkappid}/users/alice`);
  await page.getByRole('tab', { name: 'Export & delete' }).click();
  const remove = page.getByRole('button', { name: 'Delete …' });
  await remove.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Delete this user?' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'INPUT');
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Delete …');
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor();
  await page.goBack();
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.getByRole('heading', { level: 1, name: 'Connect' }).waitFor();
  await check(opened);
});

test('a screen reader is told what became of a call, and every control has a name', async () => {
  const server = await dev();
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/explorer/portrait_set`);
  const { page } = opened;
  const spoken = page.locator('.spoken[role=status]');
  await spoken.waitFor({ state: 'attached' });
  // The place is there before the text: it is told of what changes in it.
  const place = await spoken.elementHandle();
  const send = page.getByRole('button', { name: 'Send' });
  await send.focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction((element) => element.textContent === 'OK', place);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Send/, 'the focus stays');
  await page.getByRole('combobox', { name: 'UserSig' }).selectOption('wrong_key');
  await send.click();
  await page.waitForFunction((element) => /^70009 \S/.test(element.textContent), place);
  const session = await page.context().newCDPSession(page);
  for (const path of ['explorer/portrait_set', 'explorer/portrait_get', 'calls', 'users/alice']) {
    await page.goto(`${server.url}/console/#/${server.sdkappid}/${path}`);
    await page.locator('main h1').waitFor();
    if (path === 'calls') await page.locator('tbody tr').first().click();
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    const shown = nodes.filter(({ ignored }) => !ignored);
    const ofRole = (role) => shown.filter((node) => node.role?.value === role);
    assert.ok(ofRole('button').length > 2, 'the tree is read');
    for (const role of ['button', 'link', 'textbox', 'searchbox', 'combobox', 'checkbox', 'tab', 'tablist', 'tabpanel', 'region', 'grid', 'table']) {
      assert.deepEqual(ofRole(role).filter(({ name }) => !name?.value).map(({ backendDOMNodeId }) => backendDOMNodeId), [], `${path}: ${role} without a name`);
    }
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
