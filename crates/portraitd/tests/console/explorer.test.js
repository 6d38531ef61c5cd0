// The API explorer: calls that really change something, and what is said when no answer comes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explorer, profile, recorded, setNick } from './explorer_page.js';
import { LOOKS, check, dev } from './support.js';

test('the cloud\'s address opens a call, which is sent and changes the profile, in every look', async () => {
  const server = await dev();
  for (const look of LOOKS) {
    await server.api('POST', '/_portraitd/reset', { to: 'seed' });
    assert.notEqual((await profile(server, 'alice')).Tag_Profile_IM_Nick, 'Alice Liddell');
    const opened = await explorer(server, 'portrait_get', look);
    await opened.page.goto(`${server.url}/api-test.html#v4/profile/portrait_set`);
    await opened.send();
    await opened.answered(0);
    const now = await profile(server, 'alice');
    assert.equal(now.Tag_Profile_IM_Nick, 'Alice Liddell');
    assert.equal(now.Tag_Profile_IM_BirthDay, 18520504);
    const calls = await recorded(server, 'portrait_set');
    assert.deepEqual(calls.map(({ code, identifier }) => [code, identifier]), [[0, 'administrator']]);
    await check(opened);
  }
});

test('the form and the text are the same call; Ctrl+Enter sends it', async () => {
  const server = await dev();
  const { page, body, asJson, answered, ...opened } = await explorer(server, 'portrait_set');
  await page.getByLabel('Value of Tag_Profile_IM_Nick').fill('爱丽丝 <b>"x"</b>');
  await asJson();
  assert.equal(JSON.parse(await body.inputValue()).ProfileItem[0].Value, '爱丽丝 <b>"x"</b>');
  await body.press('Control+Enter');
  await answered(0);
  assert.equal((await profile(server, 'alice')).Tag_Profile_IM_Nick, '爱丽丝 <b>"x"</b>');
  // Each command has a form; what it shows is what is sent.
  for (const command of ['portrait_get', 'account_import', 'multiaccount_import', 'account_check', 'account_delete', 'kick']) {
    await opened.choose(command);
    await page.getByRole('tab', { name: 'Form' }).click();
    await opened.send();
    await answered(0);
    await check({ page, ...opened });
    const [call] = await recorded(server, command);
    await asJson();
    assert.deepEqual(call.body, JSON.parse(await body.inputValue()), command);
  }
});

test('a number beyond 2^53 is sent and shown as it was typed', async () => {
  const server = await dev();
  const opened = await explorer(server, 'portrait_set');
  await server.api('PUT', `/admin/v1/apps/${server.sdkappid}/fields/Great`, { type: 'uint64', read: ['app', 'admin'], write: ['app', 'admin'] });
  await opened.asJson();
  await opened.body.fill('{"From_Account":"bob","ProfileItem":[{"Tag":"Tag_Profile_Custom_Great","Value":18446744073709551615}]}');
  await opened.page.getByRole('tab', { name: 'Form' }).click();
  await opened.send();
  await opened.answered(0);
  const text = await (await fetch(`${server.url}/admin/v1/apps/${server.sdkappid}/accounts/bob`)).text();
  assert.match(text, /18446744073709551615/);
  await opened.asJson();
  await opened.page.getByRole('button', { name: 'Indent' }).click();
  assert.match(await opened.body.inputValue(), /"Value": 18446744073709551615/);
  await check(opened);
});

test('invalid JSON is marked at its line, and can be sent', async () => {
  const server = await dev();
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const opened = await explorer(server, 'portrait_set', look);
    const { page, t, body, asJson, example, send, answered } = opened;
    await asJson();
    for (const [text, line] of [['{\n  "From_Account": "alice",\n  "ProfileItem": [\n    1,\n  ]\n}', 5], ['{\n"a": x\n}', 2], ['', 1]]) {
      await body.fill(text);
      await page.getByRole('status').filter({ hasText: t('json.wrong', { line, message: '' }).trim() }).waitFor();
      assert.deepEqual(await page.locator('.editor .lines .wrong').allTextContents(), [String(line)]);
      assert.equal(await body.getAttribute('aria-invalid'), 'true');
    }
    await example('set_broken');
    assert.deepEqual(await page.locator('.editor .lines .wrong').allTextContents(), ['5']);
    await check(opened);
    await page.getByRole('tab', { name: t('explorer.form') }).click();
    await page.getByText(t('explorer.form.json')).waitFor();
    await send();
    await answered(60003);
    assert.equal((await recorded(server, 'portrait_set')).at(-1).code, 60003);
    await page.getByRole('button', { name: t('explorer.form.to_json') }).click();
    await body.fill(setNick('alice', 'Mended'));
    await page.locator('.editor .lines .wrong').waitFor({ state: 'detached' });
    await send();
    await answered(0);
    assert.equal((await profile(server, 'alice')).Tag_Profile_IM_Nick, 'Mended');
    await check(opened);
  }
});

test('a connection closed after the change: the change WAS made, by exactly one call, in every look', async () => {
  const server = await dev();
  for (const [index, look] of LOOKS.entries()) {
    await server.api('POST', '/_portraitd/reset', { to: 'seed' });
    await server.api('DELETE', '/_portraitd/requests');
    const opened = await explorer(server, 'portrait_set', look);
    const { page, t, body, asJson, send, badge } = opened;
    await asJson();
    // A connection that is used a second time is the one whose calls browsers repeat.
    await body.fill(setNick('bob', 'before'));
    await send();
    await opened.answered(0);
    await server.api('POST', '/_portraitd/faults', { app: server.sdkappid, command: 'portrait_set', close: 'after', next: 1 });
    await body.fill(setNick('bob', `Nick ${index}`));
    await send();
    await page.locator('#panel-answer').getByText(t('explorer.lost.made')).waitFor();
    assert.equal(await badge.textContent(), t('code.none'));
    await page.locator('#panel-answer').getByText(t('explorer.lost.closed')).waitFor();
    assert.equal((await profile(server, 'bob')).Tag_Profile_IM_Nick, `Nick ${index}`);
    const calls = (await recorded(server, 'portrait_set')).filter((call) => call.body.ProfileItem[0].Value === `Nick ${index}`);
    assert.equal(calls.length, 1);
    assert.ok(calls[0].fault);
    await check(opened);
  }
});

test('of other faults it is said what became of the change', async () => {
  const server = await dev();
  const opened = await explorer(server, 'portrait_set');
  const { page, body, asJson, send } = opened;
  await asJson();
  for (const [fault, how, made] of [
    [{ close: 'before' }, 'The connection was closed without an answer.', 'Nothing was changed.'],
    [{ malformed: 'cut-body' }, 'The connection was closed in the middle of the answer.', 'The change WAS made.'],
    [{ malformed: 'cut-json' }, 'The answer can’t be read.', 'The change WAS made.'],
    [{ malformed: 'html' }, 'The answer can’t be read.', 'The change WAS made.'],
    [{ malformed: 'empty' }, 'The answer can’t be read.', 'The change WAS made.'],
  ]) {
    const nick = JSON.stringify(fault);
    await server.api('POST', '/_portraitd/faults', { app: server.sdkappid, command: 'portrait_set', next: 1, ...fault });
    await body.fill(setNick('bob', nick));
    await send();
    await page.locator('#panel-answer').getByText(`${how} ${made}`).waitFor();
    assert.equal((await profile(server, 'bob')).Tag_Profile_IM_Nick === nick, made === 'The change WAS made.', nick);
    await check(opened);
    // The next one is of another fault.
    await body.fill(setNick('bob', 'between'));
    await send();
    await opened.answered(0);
  }
});
