// Tokens: made with a role, and revoked while they are in use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, openAs, serve } from './support.js';

const APP = 1400000000;

test('a token is made with a role, and shown once', async () => {
  const server = await serve();
  for (const look of LOOKS) {
    const opened = await openAs(server, `#/${APP}/tokens`, look);
    const { page } = opened;
    const name = `ci-${look.language}-${look.theme}`;
    await page.locator('form input').fill(name);
    await page.locator('form select').selectOption('operator');
    await page.locator('form button.primary').click();
    const secret = await page.locator('dialog code').textContent();
    await check(opened);
    await page.locator('dialog button.primary').click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.ok(!(await page.content()).includes(secret));
    const row = page.locator('tbody tr', { hasText: name });
    await row.locator('.badge').waitFor();
    await row.getByText({ en: 'never', zh: '从未使用' }[look.language], { exact: true }).waitFor();
    await page.locator('tbody tr', { hasText: 'local' }).locator('time').waitFor();
    const made = (await server.api('GET', '/admin/v1/tokens')).find((one) => one.name === name);
    assert.equal(made.role, 'operator');
    const answer = await fetch(`${server.url}/admin/v1/session`, { headers: { Authorization: `Bearer ${secret}` } });
    assert.equal((await answer.json()).role, 'operator');
    await check(opened);
    await opened.context.close();
  }
});

test('revoking the token in use signs the tab out at its next request', async () => {
  const server = await serve();
  const make = async (name) => (await server.api('POST', '/admin/v1/tokens', { name })).token;
  const opened = await openAs(server, `#/${APP}/tokens`, { token: await make('own'), expected: /status of 401/ });
  const { page } = opened;
  const own = await page.evaluate(() => sessionStorage.getItem('portraitd.session'));
  await page.getByRole('button', { name: 'Revoke own' }).click();
  await page.locator('dialog', { hasText: 'You are signed in with this token' }).getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.getByLabel('Admin token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('portraitd.session')), null);
  assert.equal((await fetch(`${server.url}/admin/v1/apps`, { headers: { Authorization: `Bearer ${own}` } })).status, 401);
  await check(opened);

  // Another's: out as soon as it asks for anything.
  const other = await openAs(server, `#/${APP}/audit`, { token: await make('other'), expected: /status of 401/ });
  await other.page.locator('tbody tr').first().waitFor();
  await server.api('DELETE', '/admin/v1/tokens/other');
  await other.page.getByRole('button', { name: 'Refresh' }).click();
  await other.page.getByLabel('Admin token').waitFor();
  await check(other);
});
