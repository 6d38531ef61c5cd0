// Users: found, edited, created, deleted, paged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setNick } from './public.js';
import { LOOKS, check, dev, open, openAs, serve } from './support.js';
import { textsOf } from './texts.js';

const APP = 1400000000;
const UINT64_MAX = '18446744073709551615';
const [NICK, SCORE] = ['Tag_Profile_IM_Nick', 'Tag_Profile_Custom_Score'];

/** Imports accounts, 1,000 a request. @param {object} server @param {{ user: string, nick?: string }[]} accounts */
async function fill(server, accounts) {
  const line = ({ user, nick }) => JSON.stringify({ UserID: user, ProfileItem: nick === undefined ? [] : [{ Tag: NICK, Value: nick }] });
  for (let start = 0; start < accounts.length; start += 1000) {
    await server.api('POST', `/admin/v1/apps/${APP}/import`, accounts.slice(start, start + 1000).map(line).join('\n'));
  }
}

const profileText = async (server, user) =>
  (await fetch(`${server.url}/admin/v1/apps/${APP}/accounts/${user}`, { headers: { Authorization: `Bearer ${server.token}` } })).text();

test('a profile is found, changed to the last digit, and what is too long is told of at its field', async () => {
  const server = await serve();
  await server.api('PUT', `/admin/v1/apps/${APP}/fields/Score`, { type: 'uint64', read: ['admin'], write: ['admin'] });
  await fill(server, [{ user: 'alice', nick: 'Alice' }, { user: 'bob', nick: 'Bobby' }, { user: '<img src=x onerror=alert(1)>', nick: '爱丽丝' }]);
  for (const [index, look] of LOOKS.entries()) {
    const opened = await openAs(server, `#/${APP}/users`, { ...look, expected: /status of 400/ });
    const { page } = opened;
    await page.locator('tbody tr', { hasText: 'onerror' }).waitFor();
    await page.locator('.users-list input').first().fill('al');
    await page.waitForFunction(() => document.querySelectorAll('.users-list tbody tr').length === 1);
    await page.locator('.users-list tbody tr').click();

    const score = page.locator(`[id="value-${SCORE}"]`);
    await score.fill(String(BigInt(UINT64_MAX) - BigInt(index)));
    await page.locator(`[id="value-${NICK}"]`).fill('x'.repeat(501));
    await page.locator('.users-form button.primary').click();
    await page.locator('dialog button.primary').click();
    await page.locator(`[id="value-${NICK}"][aria-invalid=true]`).waitFor();
    const note = await page.locator(`[id="note-${NICK}"] [role=alert]`).textContent();
    assert.match(note, /501/);
    assert.equal(/\p{Script=Han}/u.test(note), look.language === 'zh', note);
    assert.doesNotMatch(await profileText(server, 'alice'), /xxx/);
    await check(opened);

    await page.locator(`[id="value-${NICK}"]`).fill(`Alice ${index}`);
    await page.locator('.users-form button.primary').click();
    await page.locator('dialog button.primary').click();
    await page.locator('.users-list tbody tr', { hasText: `Alice ${index}` }).waitFor();
    const stored = await profileText(server, 'alice');
    assert.ok(stored.includes(`"${SCORE}":${BigInt(UINT64_MAX) - BigInt(index)}`), stored);
    assert.ok(stored.includes(`"${NICK}":"Alice ${index}"`), stored);
    assert.equal(await score.inputValue(), String(BigInt(UINT64_MAX) - BigInt(index)));
    await check(opened);
    await opened.context.close();
  }
});

test('of a user whom a browser can\'t ask for it is said so', async () => {
  const server = await serve();
  await fill(server, [{ user: '.' }, { user: '..' }, { user: 'alice', nick: 'Alice' }]);
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const t = textsOf(look.language);
    const opened = await openAs(server, `#/${APP}/users`, look);
    const { page } = opened;
    for (const text of ['.', '..']) {
      await page.locator('tbody tr').filter({ has: page.getByText(text, { exact: true }) }).click();
      await page.locator('.users-drawer').getByText(t('path.dots', { text })).waitFor();
      await check(opened);
    }
    await opened.context.close();
  }
});

test('a user\'s calls lead to the live list', async () => {
  const server = await dev();
  await setNick(server, 'bob', 'bob');
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/users/bob`);
  const { page } = opened;
  await page.getByRole('tab', { name: 'Calls' }).click();
  await page.locator('.users-drawer tbody a').click();
  await page.getByRole('heading', { level: 2, name: 'portrait_set' }).waitFor();
  await check(opened);
});

test('a user is created, and deleted after its id was typed', async () => {
  const server = await serve();
  await fill(server, [{ user: 'alice' }]);
  const opened = await openAs(server, `#/${APP}/users`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Create a user' }).click();
  await page.getByLabel('UserID', { exact: true }).fill('carol');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'carol' }).waitFor();
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}/accounts/carol`)).user, 'carol');

  await page.getByRole('tab', { name: 'Export & delete' }).click();
  await page.getByRole('button', { name: 'Delete …' }).click();
  const remove = page.locator('dialog').getByRole('button', { name: 'Delete this user' });
  assert.ok(await remove.isDisabled());
  await page.locator('dialog input').fill('alice');
  assert.ok(await remove.isDisabled());
  await check(opened);
  await page.locator('dialog input').fill('carol');
  await remove.click();
  await page.locator('tbody tr', { hasText: 'carol' }).waitFor({ state: 'detached' });
  const { accounts } = await server.api('GET', `/admin/v1/apps/${APP}/accounts`);
  assert.deepEqual(accounts, ['administrator', 'alice']);
  await check(opened);
});

test('10,000 users are paged, and a nickname is searched for in bounded steps', async () => {
  const server = await serve();
  const accounts = Array.from({ length: 10_000 }, (_, index) => ({ user: `u${String(index).padStart(5, '0')}`, nick: `Nick ${index}` }));
  accounts[7777].nick = '¡Hallo Wörld!';
  await fill(server, accounts);
  const opened = await openAs(server, `#/${APP}/users`);
  const { page } = opened;
  const rows = (count) => page.waitForFunction((wanted) => document.querySelectorAll('.users-list tbody tr').length === wanted, count);
  await rows(100);
  await page.getByRole('button', { name: 'Show 100 more' }).click();
  await rows(200);
  const ids = await page.locator('.users-list tbody tr td:first-child').allTextContents();
  const { accounts: wanted } = await server.api('GET', `/admin/v1/apps/${APP}/accounts?limit=200`);
  assert.deepEqual(ids, wanted);
  const nicks = await page.locator('.users-list tbody tr td:nth-child(2)').allTextContents();
  assert.equal(nicks[150], accounts[149].nick);
  await page.locator('h1 .badge', { hasText: '10,001' }).waitFor();

  // A step ends when it is answered and the button can be used again.
  const step = async (/** @type {() => Promise<void>} */ begin) => {
    const answered = page.waitForResponse((response) => response.url().includes('nick=hallo'));
    await begin();
    await (await answered).finished();
    await page.waitForFunction(() => document.querySelector('.users-list button')?.getAttribute('aria-disabled') !== 'true');
  };
  await step(() => page.getByLabel('Nickname contains …').fill('hallo wÖ'));
  const further = page.getByRole('button', { name: 'Search further' });
  // 2,000 accounts a step: the third holds none yet, the fourth has it.
  for (let steps = 0; (await page.locator('.users-list tbody tr').count()) !== 1; steps += 1) {
    assert.ok(steps < 5);
    await step(() => further.click({ timeout: 10_000 }));
  }
  await page.locator('.users-list tbody tr', { hasText: 'u07777' }).waitFor();
  await check(opened);
});
