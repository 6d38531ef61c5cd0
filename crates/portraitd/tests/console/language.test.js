// A Chinese page with an operation that the server refuses: no English sentence stands on it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, dev, go, openAs, serve } from './support.js';

const look = { language: 'zh', expected: /status of 4\d\d/ };

/** Fails when a text has three English words in a row, outside of code. @param {import('playwright-core').Locator} place */
async function isChinese(place) {
  const text = (await place.textContent()).replace(/`[^`]*`/g, '，');
  assert.match(text, /\p{Script=Han}/u);
  assert.doesNotMatch(text, /[a-z]{2,} [a-z]{2,} [a-z]{2,}/, text);
}

test('what the admin API refuses is said in Chinese', async () => {
  const server = await serve();
  const opened = await openAs(server, '#/1400000000/tokens', look);
  const { page } = opened;
  await page.locator('form input').fill('local');
  await page.locator('form button.primary').click();
  const refused = page.locator('.note.bad, .toasts .bad', { hasText: '已有名为 local 的令牌' }).first();
  await refused.waitFor();
  await isChinese(refused);
  await check(opened);
});

test('the meanings of codes and the explanations of calls are in the language of the page', async () => {
  const server = await dev();
  const { sdkappid: app } = server;
  const call = { path: '/v4/profile/portrait_get', identifier: 'administrator', body: '{"To_Account":["a"],"TagList":["Nope"]}' };
  await server.api('POST', `/admin/v1/apps/${app}/try`, call);
  const opened = await openAs(server, `#/${app}/calls`, look);
  const { page } = opened;
  await page.locator('tbody tr', { hasText: 'portrait_get' }).first().click();
  const note = page.locator('.note.bad').first();
  await note.waitFor();
  await isChinese(note.locator('b'));
  await go(opened, `#/${app}/overview`);
  const meaning = page.locator('tbody tr', { hasText: 'portrait_get' }).locator('td').nth(2);
  await meaning.waitFor();
  await isChinese(meaning);
  // The page's language is changed, and with it what the server says.
  await go(opened, `#/${app}/calls`);
  await page.getByRole('button', { name: 'English' }).click();
  await page.locator('tbody tr', { hasText: 'portrait_get' }).first().click();
  await page.locator('.note.bad b', { hasText: /^[\x20-\x7e]+$/ }).first().waitFor();
  await check(opened);
});
