// Faults, time and data: what the page sets has its effect on the next real call, and goes away again.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, nickOf, setNick } from './public.js';
import { LOOKS, check, dev, open } from './support.js';
import { textsOf } from './texts.js';

const openFaults = (server, look) => open(`${server.url}/console/#/${server.sdkappid}/faults`, look);
const badge = (page, text) => page.locator('header.top').getByRole('link', { name: text });
const agree = (page, name) => page.locator('dialog').getByRole('button', { name }).click();

test('a fault of the page answers the next call, then is used up; another one is removed', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    const opened = await openFaults(server, look);
    const { page } = opened;
    const button = (key, values) => page.getByRole('button', { name: t(key, values), exact: true });
    await page.locator('.rules').first().waitFor({ state: 'attached' });
    await setNick(server, 'before');
    await page.getByRole('combobox', { name: t('command') }).fill('portrait_set');
    await button('faults.effect.code').click();
    await button('faults.often.next').click();
    await button('faults.add').click();
    await badge(page, t('top.faults', { n: 1 })).waitFor();
    const [{ rule }] = await server.api('GET', '/_portraitd/faults');
    assert.deepEqual(rule, { command: 'portrait_set', app: server.sdkappid, next: 1, code: 60007 });
    await check(opened);

    assert.equal((await setNick(server, 'refused')).ErrorCode, 60007);
    assert.equal(await nickOf(server), 'before');
    assert.equal((await setNick(server, 'second')).ErrorCode, 0);
    assert.equal(await nickOf(server), 'second');
    // The counts come by themselves, and the notice goes.
    await page.getByText(t('faults.used_up')).waitFor();
    await badge(page, t('top.faults', { n: 1 })).waitFor({ state: 'detached' });

    await button('faults.effect.after').click();
    await button('faults.often.always').click();
    await button('faults.add').click();
    await badge(page, t('top.faults', { n: 1 })).waitFor();
    await assert.rejects(setNick(server, 'lost'), /fetch failed/);
    await button('faults.remove_all').click();
    await check(opened);
    await agree(page, t('faults.remove_all'));
    await badge(page, t('top.faults', { n: 1 })).waitFor({ state: 'detached' });
    assert.deepEqual(await server.api('GET', '/_portraitd/faults'), []);
    assert.equal(await nickOf(server), 'lost', 'the change was made, the answer lost');
    assert.equal((await setNick(server, 'after')).ErrorCode, 0);
    await check(opened);
    await opened.context.close();
  }
});

test('a fault of another program shows in the open page, and is removed there', async () => {
  const server = await dev();
  const opened = await openFaults(server);
  const { page } = opened;
  await page.getByText('There is no rule').waitFor();
  const { id } = await server.api('POST', '/_portraitd/faults', { command: 'kick', malformed: 'html' });
  await badge(page, '1 fault rule is active').waitFor();
  await page.getByRole('button', { name: `Remove rule ${id}` }).click();
  await page.getByText('There is no rule').waitFor();
  assert.deepEqual(await server.api('GET', '/_portraitd/faults'), []);
  await check(opened);
});

test('what the API refuses is said in its own words', async () => {
  const server = await dev();
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/faults`, { expected: /status of 400/ });
  const { page } = opened;
  await page.getByRole('combobox', { name: 'Command' }).fill('portrait_sett');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await page.getByText('did you mean portrait_set?').waitFor();
  assert.deepEqual(await server.api('GET', '/_portraitd/faults'), []);
  await check(opened);
});

test('half a year later UserSigs have expired, until the clock is the machine\'s again', async () => {
  const server = await dev();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    const t = textsOf(look.language);
    const opened = await openFaults(server, look);
    const { page } = opened;
    await page.locator('.clock').waitFor();
    await page.getByRole('button', { name: '+181d' }).click();
    await badge(page, t('top.clock')).waitFor();
    assert.equal((await setNick(server, 'late')).ErrorCode, 70001);
    await page.getByRole('button', { name: t('faults.freeze') }).click();
    await page.getByRole('button', { name: t('faults.go_on') }).waitFor();
    assert.equal((await server.api('GET', '/_portraitd/clock')).frozen, true);
    await check(opened);
    await page.getByRole('button', { name: t('faults.machine_time') }).click();
    await badge(page, t('top.clock')).waitFor({ state: 'detached' });
    assert.deepEqual(({ ahead_ms: 0, frozen: false }), pick(await server.api('GET', '/_portraitd/clock')));
    assert.equal((await setNick(server, 'now')).ErrorCode, 0);
    await page.getByLabel(t('faults.set_to')).fill('2030-01-31T08:00:00');
    await page.getByRole('button', { name: t('faults.set'), exact: true }).click();
    await badge(page, t('top.clock')).waitFor();
    // The page's time zone is Shanghai's.
    assert.match((await server.api('GET', '/_portraitd/clock')).now, /^2030-01-31T00:00:/);
    await page.getByRole('button', { name: t('faults.machine_time') }).click();
    await badge(page, t('top.clock')).waitFor({ state: 'detached' });
    await check(opened);
    await opened.context.close();
  }
});

const pick = ({ ahead_ms, frozen }) => ({ ahead_ms, frozen });

test('data is saved, restored and reset', async () => {
  const server = await dev();
  const imported = async (user) => {
    const { ResultItem: [{ AccountStatus }] } = await call(server, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: user }] });
    return AccountStatus === 'Imported';
  };
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const t = textsOf(look.language);
    const opened = await openFaults(server, look);
    const { page } = opened;
    const name = 'my <one>';
    const atStart = await nickOf(server);
    await setNick(server, 'kept');
    await page.getByLabel(t('faults.name')).fill(name);
    await page.getByRole('button', { name: t('save'), exact: true }).click();
    await page.getByRole('button', { name: t('faults.restore_one', { name }) }).waitFor();
    assert.deepEqual((await server.api('GET', '/_portraitd/snapshots')).map((one) => one.name), [name]);
    await check(opened);

    await call(server, 'im_open_login_svc/account_import', { UserID: 'zed' });
    await setNick(server, 'changed');
    await page.getByRole('button', { name: t('faults.restore_one', { name }) }).click();
    await agree(page, t('restore'));
    await page.locator('.toasts').getByText(t('faults.restored', { name })).waitFor();
    assert.equal(await nickOf(server), 'kept');
    assert.equal(await imported('zed'), false);
    await page.getByRole('button', { name: t('faults.delete_one', { name }) }).click();
    await agree(page, t('delete'));
    await page.getByText(t('faults.no_snapshots')).waitFor();
    assert.deepEqual(await server.api('GET', '/_portraitd/snapshots'), []);

    const [reset] = await page.locator('fieldset', { hasText: t('faults.scope') }).all();
    const to = async (scope, target, sentence) => {
      await reset.getByRole('combobox').nth(0).selectOption(scope);
      await reset.getByRole('combobox').nth(1).selectOption(target);
      await reset.getByRole('button', { name: t('faults.reset') }).click();
      await agree(page, t('faults.reset'));
      await page.locator('.toasts').getByText(sentence).waitFor();
    };
    await to('app', 'empty', t('faults.reset_done', { apps: 1, accounts: 1 }));
    assert.equal(await imported('alice'), false);
    await to('all', 'seed', t('faults.reset_done', { apps: 1, accounts: 4 }));
    assert.equal(await imported('alice'), true);
    assert.equal(await nickOf(server), atStart);
    await check(opened);
    await opened.context.close();
  }
});

test('a server that keeps its data has no reset and no snapshot, and says why', async () => {
  const data = mkdtempSync(join(tmpdir(), 'portraitd-console-'));
  after(() => rmSync(data, { recursive: true }));
  const server = await dev(['--data', data]);
  for (const look of [LOOKS[0], LOOKS[2]]) {
    const t = textsOf(look.language);
    const opened = await openFaults(server, { ...look, expected: /status of 40[19]/ });
    const { page } = opened;
    await page.getByLabel(t('login.token')).fill(server.admin_token);
    await page.getByRole('button', { name: t('login.enter') }).click();
    await page.getByText('--data').first().waitFor();
    assert.equal(await page.getByRole('button', { name: t('faults.reset') }).isDisabled(), true);
    assert.equal(await page.getByRole('button', { name: t('save'), exact: true }).isDisabled(), true);
    await check(opened);
    await opened.context.close();
  }
  const refused = await fetch(`${server.url}/_portraitd/reset`, { method: 'POST', headers: { Authorization: `Bearer ${server.admin_token}` }, body: '{"to":"seed"}' });
  assert.equal(refused.status, 409);
});
