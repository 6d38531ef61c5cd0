// Fields: one that is defined is offered at once, one that holds values keeps its type, a retired one is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, dev, go, open } from './support.js';

const answers = (page) => page.locator('.badge.good, .badge.bad').filter({ hasText: /^(OK|\d{5})$/ });

test('a field is defined and used, keeps its type, is retired and restored', async () => {
  const emulator = await dev();
  const app = emulator.sdkappid;
  const base = `/admin/v1/apps/${app}`;
  const field = async (keyword) => (await emulator.api('GET', base)).fields.find((one) => one.keyword === keyword);
  for (const [index, look] of LOOKS.entries()) {
    const keyword = ['Level', 'Rank', 'Score', 'Team'][index];
    const tag = `Tag_Profile_Custom_${keyword}`;
    const opened = await open(`${emulator.url}/console/#/${app}/explorer/portrait_set`, { ...look, expected: /status of 409/ });
    const { page } = opened;
    await go(opened, `#/${app}/fields`);
    await page.locator('.head button.primary').click();
    await page.locator('dialog input[name=keyword]').fill(keyword);
    await page.locator('dialog select[name=type]').selectOption('uint64');
    await check(opened);
    await page.locator('dialog button.primary').click();
    const row = page.locator('main tbody tr', { hasText: tag });
    await row.waitFor();
    assert.deepEqual(await field(keyword), { keyword, type: 'uint64', read: ['app', 'admin'], write: ['app', 'admin'], retired: false });

    // Offered without a reload, and sent as a number.
    await go(opened, `#/${app}/explorer/portrait_set`);
    await page.locator('.item-row select').first().selectOption(tag);
    await page.locator('.item-row input').first().fill('18446744073709551615');
    await page.locator('.path-row button.primary').click();
    await answers(page).filter({ hasText: 'OK' }).waitFor();
    const [call] = await emulator.api('GET', `/_portraitd/requests?app=${app}&command=portrait_set`).then((all) => all.slice(-1));
    const [user] = call.users;
    const stored = await (await fetch(`${emulator.url}${base}/accounts/${user}`)).text();
    assert.ok(stored.includes(`"${tag}":18446744073709551615`), stored);

    // Another type is refused while a value is there, and the sentence is shown where it was asked for.
    await go(opened, `#/${app}/fields`);
    await row.locator('button:not(.danger)').nth(1).click();
    await page.locator('dialog select[name=type]').selectOption('string');
    await page.locator('dialog button.primary').click();
    await page.locator('dialog [role=alert]').waitFor();
    assert.match(await page.locator('dialog [role=alert]').textContent(), /1/);
    assert.equal((await field(keyword)).type, 'uint64');
    await check(opened);
    await page.keyboard.press('Escape');

    await row.locator('button.danger').click();
    await page.locator('dialog button.danger').click();
    await row.locator('.badge.warn').waitFor();
    assert.equal((await field(keyword)).retired, true);
    await go(opened, `#/${app}/explorer/portrait_set`);
    // What the body names stays in it, marked as unknown.
    await page.locator('.item-row .invalid').first().waitFor();
    await page.locator('.path-row button.primary').click();
    await answers(page).filter({ hasText: '40009' }).first().waitFor();
    await check(opened);

    await go(opened, `#/${app}/fields`);
    await row.locator('button').last().click();
    await row.locator('.badge.warn').waitFor({ state: 'detached' });
    assert.equal((await field(keyword)).retired, false);
    await go(opened, `#/${app}/explorer/portrait_set`);
    await page.locator('.path-row button.primary').click();
    await answers(page).filter({ hasText: 'OK' }).waitFor();
    await opened.context.close();
  }
});
