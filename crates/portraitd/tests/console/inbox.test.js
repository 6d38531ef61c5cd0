// The webhook inbox, and how a program is led to this emulator.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setNick } from './public.js';
import { LOOKS, check, dev, open, run } from './support.js';
import { textsOf } from './texts.js';

const rowsOf = (page) => page.locator('tbody tr');
const haveRows = (page, count) => page.waitForFunction((wanted) => document.querySelectorAll('tbody tr').length === wanted, count);

test('a webhook is pointed at the inbox, and a change arrives there with the call that made it', async () => {
  const server = await dev();
  const app = `/admin/v1/apps/${server.sdkappid}`;
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    const opened = await open(`${server.url}/console/#/${server.sdkappid}/inbox`, look);
    const { page } = opened;
    const button = (key) => page.getByRole('button', { name: t(key), exact: true });
    await page.getByText(t('inbox.is_nowhere', { app: server.sdkappid })).waitFor();
    await page.locator('.first-run').waitFor();
    await check(opened);
    await button('inbox.point').click();
    await page.getByText(t('inbox.is_here')).waitFor();
    assert.equal((await server.api('GET', `${app}/webhook`)).url, `${server.url}/_portraitd/webhooks/${server.sdkappid}`);

    await setNick(server, `told ${look.language}`);
    await rowsOf(page).filter({ hasText: 'Profile.CallbackPortraitSet' }).waitFor();
    await fetch(`${server.url}/_portraitd/webhooks/other%20box?SdkAppid=${server.sdkappid}`, { method: 'POST', body: 'no json <b>' });
    await haveRows(page, 2);
    const [entry] = await server.api('GET', '/_portraitd/webhooks?user=alice');
    await rowsOf(page).filter({ hasText: 'alice' }).click();
    const detail = page.locator('.list-card + .card');
    await detail.getByText(entry.event_id).first().waitFor();
    await detail.getByText(`told ${look.language}`).first().waitFor();
    await check(opened);

    await page.getByLabel(t('inbox.box'), { exact: true }).selectOption('other box');
    await haveRows(page, 1);
    await rowsOf(page).first().click();
    await detail.getByText('no json <b>').waitFor();
    await page.getByLabel(t('inbox.box'), { exact: true }).selectOption('');
    await page.getByLabel(t('inbox.filter')).fill('alice');
    await haveRows(page, 1);
    await page.getByLabel(t('inbox.filter')).fill('');

    await rowsOf(page).filter({ hasText: 'alice' }).click();
    await detail.getByRole('link', { name: /portrait_set #/ }).click();
    await page.getByRole('heading', { level: 1, name: t('page.calls') }).waitFor();
    await detail.getByText(`told ${look.language}`).first().waitFor();
    await page.goBack();
    await button('list.clear').click();
    await page.locator('.first-run').waitFor();
    assert.deepEqual(await server.api('GET', '/_portraitd/webhooks'), []);
    await check(opened);
    await server.api('DELETE', `${app}/webhook`);
    await opened.context.close();
  }
});

test('a webhook that goes elsewhere is led here only when that is agreed to', async () => {
  const server = await dev();
  const app = `/admin/v1/apps/${server.sdkappid}`;
  const elsewhere = 'http://127.0.0.1:9/else';
  await server.api('PUT', `${app}/webhook`, { url: elsewhere });
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/inbox`);
  const { page } = opened;
  await page.getByText(elsewhere).waitFor();
  const point = page.getByRole('button', { name: 'Point this app’s webhook here' });
  await point.click();
  await page.locator('dialog').getByText(elsewhere).waitFor();
  await page.keyboard.press('Escape');
  assert.equal((await server.api('GET', `${app}/webhook`)).url, elsewhere);
  await point.click();
  await page.locator('dialog').getByRole('button', { name: 'Point this' }).click();
  await page.getByText('This app’s changes are sent here:').waitFor();
  assert.match((await server.api('GET', `${app}/webhook`)).url, /\/_portraitd\/webhooks\//);
  await check(opened);
});

test('the page shows what a program needs, and its secrets only when asked', async () => {
  const server = await dev();
  for (const look of LOOKS) {
    const t = textsOf(look.language);
    const opened = await open(`${server.url}/console/#/${server.sdkappid}/connect`, look);
    const { page, context } = opened;
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByText(server.url).first().waitFor();
    await check(opened);
    assert.ok(!(await page.content()).includes(server.key));
    await page.getByRole('button', { name: t('connect.show_what', { name: t('connect.key') }) }).click();
    await page.getByText(server.key).waitFor();
    await page.locator('dd', { hasText: server.key }).getByRole('button', { name: t('copy'), exact: true }).click();
    await page.locator('.toasts').getByText(t('copied')).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), server.key);
    for (const language of ['Java', 'Go', 'Node.js', 'Python', 'C#', 'PHP']) {
      await page.getByRole('tab', { name: language, exact: true }).click();
      await page.getByRole('tabpanel').getByText(server.url).waitFor();
    }
    await check(opened);
    await opened.context.close();
  }
  // The command that the page names sets a shell's environment for this emulator.
  assert.ok((await run(['env', '--url', server.url])).includes(server.url));
});
