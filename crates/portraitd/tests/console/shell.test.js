// The shell: the way in, the looks, sign-in and sign-out, and what must not be reached.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, dev, directory, open, openAs, run, serve } from './support.js';

const REFUSED = /status of 40[13]/;

test('the cloud\'s address form opens that call, in every look', async () => {
  const { url } = await dev();
  for (const look of LOOKS) {
    const opened = await open(`${url}/api-test.html#v4/profile/portrait_get`, look);
    await opened.page.locator('[aria-current=true]', { hasText: 'portrait_get' }).waitFor();
    assert.match(opened.page.url(), /\/console\/#v4\/profile\/portrait_get$/);
    assert.equal(await opened.page.getAttribute('html', 'lang'), look.language === 'zh' ? 'zh-CN' : 'en');
    assert.equal(await opened.page.getAttribute('html', 'data-theme'), look.theme);
    await check(opened);
  }
});

test('a browser is led from / to the console, a program is not', async () => {
  const { url } = await dev();
  const page = await fetch(`${url}/`, { headers: { Accept: 'text/html' }, redirect: 'manual' });
  assert.deepEqual([page.status, page.headers.get('location')], [302, 'console/']);
  assert.equal((await (await fetch(`${url}/`, { method: 'POST' })).json()).ErrorCode, 60009);
  assert.equal((await fetch(`${url}/console/00000000/app.js`)).status, 404);
  assert.equal((await fetch(`${url}/console/../admin/v1/apps`, { headers: { Origin: 'http://127.0.0.1:1' } })).status, 403);
});

test('a token signs in, a wrong one does not, and signing out ends the session', async () => {
  const server = await serve();
  const opened = await open(`${server.url}/console/`, { expected: REFUSED });
  const { page } = opened;
  await page.getByLabel('Admin token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('This token is not valid here.').waitFor();
  await check(opened);
  await page.getByLabel('Admin token').fill(server.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('PROD').waitFor();
  const session = await page.evaluate(() => sessionStorage.getItem('portraitd.session'));
  assert.match(session, /^ps_[0-9a-f]{48}$/);
  assert.ok(!(await page.content()).includes(server.token));
  await page.reload();
  await page.getByText('PROD').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Admin token').waitFor();
  const answer = await fetch(`${server.url}/admin/v1/session`, { headers: { Authorization: `Bearer ${session}` } });
  assert.equal(answer.status, 401);
});

test('a new server leads to its first app', async () => {
  const server = await serve({}, { empty: true });
  const [look, other] = [LOOKS[0], LOOKS[3]];
  const opened = await open(`${server.url}/console/`, { ...look, expected: REFUSED });
  const { page } = opened;
  await page.getByLabel('Admin token').fill(server.token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Apps' }).waitFor();
  assert.equal(await page.locator('header.top select').count(), 0, 'there is nothing to pick');
  await page.locator('nav.side a[href$="/overview"]').click();
  await page.locator('.overview-note a[href$="/apps"]').waitFor();
  await check(opened);
  await page.locator('nav.side a[href$="/users"]').click();
  await page.locator('.empty a[href$="/apps"]').click();
  await page.getByLabel('SDKAppID').fill('1400000001');
  await page.keyboard.press('Enter');
  await page.locator('dialog code').waitFor();
  // A secret that is shown once does not go with the page.
  await page.goBack();
  assert.match(await page.locator('dialog code').textContent(), /^[0-9a-f]{64}$/);
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await page.locator('header.top option', { hasText: '1400000001' }).waitFor({ state: 'attached' });
  const chinese = await openAs(server, '#/1400000001/users', other);
  await chinese.page.locator('tbody tr', { hasText: 'administrator' }).waitFor();
  await check(chinese);
});

test('a link signs in once, and leaves the address before it is used; a second tab is signed in by the first', async () => {
  const server = await serve();
  const link = (await run(['console', '--data', server.data])).trim();
  const first = await open(link, { expected: REFUSED });
  await first.page.getByText('PROD').waitFor();
  assert.ok(!first.page.url().includes('login='));
  assert.equal(await first.page.evaluate(() => history.length), 2);
  await first.page.waitForLoadState('networkidle');
  const asked = await first.page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/session')).length);
  assert.equal(asked, 2, 'the link is exchanged, and the session asked for once');
  const second = await open(`${server.url}/console/`, { context: first.context, expected: REFUSED });
  await second.page.getByText('PROD').waitFor();
  const stranger = await open(link, { expected: REFUSED });
  await stranger.page.getByText('This link was used already').waitFor();
  // Another link, pasted into the tab that shows the sign-in page.
  const another = (await run(['console', '--data', server.data])).trim();
  await stranger.page.evaluate((address) => { location.href = address; }, another);
  await stranger.page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.ok(!stranger.page.url().includes('login='));
  await first.page.getByRole('button', { name: 'Sign out' }).click();
  await second.page.getByLabel('Admin token').waitFor();
});

test('with --data, dev wants a token for the admin API', async () => {
  const { url } = await dev(['--data', directory()]);
  assert.equal((await fetch(`${url}/admin/v1/session`)).status, 401);
});

test('no page of another origin may call the admin API or frame the console', async () => {
  const { url } = await dev();
  for (const headers of [{ Origin: 'http://localhost:3000' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'same-site' }, { Origin: 'https://console.tim.qq.com' }]) {
    const answer = await fetch(`${url}/admin/v1/apps`, { method: 'POST', headers, body: '{"sdkappid":7}' });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  }
  assert.equal((await fetch(`${url}/admin/v1/apps`, { headers: { Origin: url } })).status, 200);
  const page = await fetch(`${url}/console/`);
  assert.match(page.headers.get('content-security-policy'), /frame-ancestors 'none'; require-trusted-types-for 'script'/);
});

test('the menu leads to every page, by mouse and by keys', async () => {
  const opened = await open(`${(await dev()).url}/console/`);
  const { page } = opened;
  await page.locator('nav.side a').first().waitFor();
  const links = await page.locator('nav.side a').all();
  assert.equal(links.length, 18);
  for (const link of links) {
    await link.click();
    await page.locator('main h1').waitFor();
  }
  await page.locator('main').press('g');
  await page.locator('main').press('u');
  await page.waitForURL(/\/users$/);
  await check(opened);
});
