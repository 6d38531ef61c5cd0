// UserSigs: made, used, pasted as they are found in logs, and explained when they are not valid.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, dev, open, run } from './support.js';
import { textsOf } from './texts.js';

/** The UserSig page, with what the journeys do in it. */
async function usersigPage(server, look) {
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/usersig`, look);
  const { page } = opened;
  const t = textsOf(look.language);
  await opened.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const [makeCard, checkCard] = ['usersig.make', 'usersig.check'].map((key) =>
    page.locator('section.card', { has: page.getByRole('heading', { name: t(key), exact: true }) }));
  return {
    ...opened, t, makeCard, checkCard,
    user: makeCard.getByLabel(t('usersig.user')),
    async make() {
      await makeCard.getByRole('button', { name: t('usersig.make.action') }).click();
      await makeCard.getByRole('button', { name: t('copy') }).click();
      return page.evaluate(() => navigator.clipboard.readText());
    },
    /** Pastes a text, which is checked by that alone. */
    async paste(text) {
      await page.evaluate((text) => navigator.clipboard.writeText(text), text);
      const area = checkCard.getByLabel(t('usersig.text'));
      await area.fill('');
      await area.press('Control+V');
    },
    async answered(code) {
      await checkCard.locator('.badge', { hasText: code === 0 ? /^OK$/ : String(code) }).waitFor();
    },
    /** What is shown of the UserSig that was checked, by name. */
    async shown() {
      const texts = (tag) => checkCard.locator(`dl.pairs ${tag}`).allTextContents();
      const values = await texts('dd');
      return Object.fromEntries((await texts('dt')).map((name, index) => [name, values[index]]));
    },
  };
}

/** Calls the public API with a UserSig as it is. */
async function call(server, identifier, usersig) {
  const query = new URLSearchParams({ sdkappid: server.sdkappid, identifier, usersig, random: '1', contenttype: 'json' });
  const body = JSON.stringify({ To_Account: ['alice'], TagList: ['Tag_Profile_IM_Nick'] });
  const url = `${server.url}/v4/profile/portrait_get?${query}`;
  return { url, code: (await (await fetch(url, { method: 'POST', body })).json()).ErrorCode };
}

test('one that was made calls; pasted within a URL it is valid; damaged, the reason and the remedy are told', async () => {
  const server = await dev();
  for (const look of LOOKS) {
    const opened = await usersigPage(server, look);
    const { page, t, make, paste, answered, shown, checkCard } = opened;
    const usersig = await make();
    const { url, code } = await call(server, 'administrator', usersig);
    assert.equal(code, 0);
    await paste(`2026-01-31 10:00:00 INFO POST ${url} 200`);
    await answered(0);
    const fields = await shown();
    assert.deepEqual([fields.SDKAppID, fields.UserID], [String(server.sdkappid), 'administrator']);
    assert.ok(fields[t('usersig.key')].includes(server.key.slice(-4)), fields[t('usersig.key')]);
    await check(opened);
    // Cut short, as by a column of a table; and with one sign changed.
    for (const damaged of [usersig.slice(0, -9), usersig.slice(0, 40) + (usersig[40] === 'A' ? 'B' : 'A') + usersig.slice(41)]) {
      const { code, url } = await call(server, 'administrator', damaged);
      assert.ok([70003, 70009].includes(code), String(code));
      await paste(url);
      await answered(code);
      const reason = await checkCard.locator('.note.bad b').textContent();
      assert.equal(/\p{Script=Han}/u.test(reason), look.language === 'zh', reason);
      assert.ok(reason.length > 30, `a remedy, too: ${reason}`);
    }
    await paste(usersig.slice(0, -9));
    await answered(70003);
    await page.getByText(t('code.more', { code: '70003' })).click();
    await checkCard.locator('details[open] h3').first().waitFor();
    await check(opened);
    await page.close();
  }
});

test('for a period and a user, with a userbuf; another user, another key and the past are told apart', async () => {
  const server = await dev();
  const opened = await usersigPage(server, LOOKS[0]);
  const { makeCard, checkCard, user, make, paste, answered, shown } = opened;
  await user.fill('O\'Neil <b>"爱');
  await makeCard.getByLabel('Valid for').selectOption({ label: '1 hour' });
  await makeCard.getByLabel('userbuf').fill('room 7 爱');
  const usersig = await make();
  await paste(usersig);
  await answered(0);
  const fields = await shown();
  assert.equal(fields.UserID, 'O\'Neil <b>"爱');
  assert.match(fields.Expires, /in (59|60) minutes|in 1 hour/);
  assert.match(fields.userbuf, /room 7 爱/);
  await checkCard.getByLabel('UserID that it should be for').fill('alice');
  await checkCard.getByRole('button', { name: 'Check' }).click();
  await answered(70013);
  await checkCard.getByLabel('UserID that it should be for').fill('');
  // The command line agrees.
  const inspected = await run(['usersig', 'inspect', usersig, '--key', server.key, '--sdkappid', String(server.sdkappid)]);
  assert.ok(inspected.includes('O\'Neil <b>"爱'), inspected);
  const { sdkappid: app } = await server.api('POST', '/_portraitd/apps', {});
  const other = await server.api('POST', `/admin/v1/apps/${app}/usersig`, { identifier: 'alice', expire: 60 });
  await paste(other.usersig);
  await answered(70014);
  await server.api('PUT', '/_portraitd/clock', { advance: '2h' });
  await paste(usersig);
  await answered(70001);
  // The page learns of the clock's change from its stream, maybe after the answer.
  await checkCard.locator('dd', { hasText: /6[01] minutes ago/ }).waitFor();
  await check(opened);
  // As many seconds as typed.
  await server.api('DELETE', '/_portraitd/clock');
  await makeCard.getByLabel('Valid for').selectOption({ label: 'other' });
  await makeCard.getByLabel('Seconds').fill('90');
  await user.press('Control+Enter');
  await makeCard.getByText('whoever has it can call as this user').waitFor();
  const second = await makeCard.locator('pre').textContent();
  const { fields: found } = await server.api('POST', `/admin/v1/apps/${server.sdkappid}/usersig/check`, { usersig: second });
  assert.equal(found.expires - found.issued, 90);
  await check(opened);
});

test('while a key is replaced, a UserSig is made with the new one, which outlives the old', async () => {
  const server = await dev();
  const keys = `/admin/v1/apps/${server.sdkappid}/keys`;
  const { id } = await server.api('POST', keys, {});
  const { make, paste, answered, shown, t, ...opened } = await usersigPage(server, LOOKS[0]);
  const usersig = await make();
  await paste(usersig);
  await answered(0);
  assert.match((await shown())[t('usersig.key')], new RegExp(`^key ${id} `));
  await server.api('DELETE', `${keys}/1`);
  assert.equal((await call(server, 'administrator', usersig)).code, 0);
  await check(opened);
});
