// The codes that the explorer states: of each kind of UserSig and of every example, and the clicks that put a refused call right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explorer, profile, recorded } from './explorer_page.js';
import { load } from './modules.js';
import { LOOKS, check, dev } from './support.js';

const { EXAMPLES } = await load('pages/explorer/forms.js');
/** How the UserSig of a call can be, with the code of the answer. */
const USERSIGS = [['valid', 0], ['expired', 70001], ['wrong_key', 70009], ['none', 60025], ['other_user', 70013]];

test('each choice of UserSig gives the code that it states, and one click puts it right', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const opened = await explorer(server, 'portrait_get', look);
    const { page, t, usersig, send, answered } = opened;
    for (const [choice, code] of USERSIGS) {
      await usersig.selectOption(choice);
      await send();
      await answered(code);
      assert.equal((await recorded(server, 'portrait_get')).at(-1).code, code, choice);
      if (code === 0) continue;
      assert.ok((await usersig.locator('option:checked').textContent()).endsWith(` · ${code}`));
      await page.getByRole('button', { name: t('explorer.repair.usersig') }).click();
      await answered(0);
      assert.equal(await usersig.inputValue(), 'valid');
    }
    await usersig.selectOption('given');
    await page.getByLabel(t('explorer.given')).fill(` ${server.usersig}\n`);
    await send();
    await answered(0);
    await page.getByLabel(t('explorer.given')).fill(server.usersig.slice(0, -9));
    await send();
    await answered(70003);
    await page.getByRole('tab', { name: t('explorer.request') }).click();
    await page.getByText('POST /v4/profile/portrait_get').last().waitFor();
    assert.ok(!(await page.getByRole('tabpanel').last().textContent()).includes(server.usersig.slice(0, 30)), 'the UserSig is masked');
    await page.getByRole('tab', { name: t('answer'), exact: true }).click();
    await check(opened);
    await page.close();
  }
});

test('a tag of the client SDKs is refused with its reason, and one click makes it right, in every look', async () => {
  const server = await dev();
  for (const look of LOOKS) {
    await server.api('POST', '/_portraitd/reset', { to: 'seed' });
    const opened = await explorer(server, 'portrait_set', look);
    const { page, t, example, send, answered } = opened;
    await example('set_client_name');
    await send();
    await answered(40009);
    const reason = await page.locator('.note.bad b').first().textContent();
    assert.match(reason, /faceURL/);
    assert.match(reason, /Tag_Profile_IM_Image/);
    // The reason is in the page's language.
    assert.equal(/\p{Script=Han}/u.test(reason), look.language === 'zh', reason);
    await page.getByText(t('code.more', { code: '40009' })).click();
    await page.locator('details[open] h3').first().waitFor();
    await check(opened);
    await page.getByRole('button', { name: t('explorer.repair.tag', { tag: 'Tag_Profile_IM_Image' }) }).click();
    await answered(0);
    assert.equal((await profile(server, 'alice')).Tag_Profile_IM_Image, 'https://example.com/a.png');
    assert.deepEqual((await recorded(server, 'portrait_set')).map(({ code }) => code), [40009, 0]);
    await check(opened);
  }
});

test('an undefined field is defined, and a missing account created, in one click', async () => {
  const server = await dev();
  const opened = await explorer(server, 'portrait_set');
  const { page, example, send, answered } = opened;
  await example('set_undefined');
  await send();
  await answered(40009);
  await page.getByRole('button', { name: 'Define Tier (string) and send again' }).click();
  await answered(0);
  assert.equal((await profile(server, 'alice')).Tag_Profile_Custom_Tier, 'gold');
  for (const [id, code, button, user, tag, value] of [
    ['set_account', 40003, 'Create the account nobody and send again', 'nobody', 'Nick', 'Nobody'],
    ['set_type', 40610, 'Use 7', 'alice', 'Level', 7],
    ['set_value', 40605, 'Use Gender_Type_Female', 'alice', 'Gender', 'Gender_Type_Female'],
    ['set_user', 40004, 'Send as an admin', 'alice', 'Nick', 'Alice'],
  ]) {
    await example(id);
    await send();
    await answered(code);
    await page.getByRole('button', { name: button }).click();
    await answered(0);
    assert.equal((await profile(server, user))[`Tag_Profile_IM_${tag}`], value);
  }
  await check(opened);
});

test('every example gives the code that it states', async () => {
  const server = await dev();
  const opened = await explorer(server, 'portrait_set');
  const { page, t, example, send, answered } = opened;
  assert.deepEqual(EXAMPLES.filter(({ id }) => !t(`explorer.example.${id}`)), []);
  assert.equal(new Set(EXAMPLES.map(({ id }) => id)).size, EXAMPLES.length);
  await fetch(`${server.url}/admin/v1/apps/${server.sdkappid}/words`, { method: 'PUT', body: 'badword\n' });
  await server.api('PUT', '/_portraitd/snapshots/start', {});
  await page.reload();
  await opened.asJson();
  for (const { id, command, code, identifier, needsWord } of EXAMPLES) {
    await server.api('POST', '/_portraitd/snapshots/start/restore');
    await opened.choose(command);
    await example(id);
    if (needsWord) await page.locator('.editor pre', { hasText: 'badword' }).waitFor();
    await send();
    await answered(code);
    const call = (await recorded(server, command)).at(-1);
    assert.deepEqual([call.code, call.identifier], [code, identifier ?? 'administrator'], id);
  }
  await check(opened);
});
