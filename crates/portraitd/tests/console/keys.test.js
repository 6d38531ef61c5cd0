// Keys: one is replaced while calls are made, and none of them is refused.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { LOOKS, check, openAs, serve } from './support.js';

const APP = 1400000000;
const REVOKED = 70009;

/** A UserSig as the cloud's library makes it. @param {string} key */
function userSig(key, identifier = 'administrator') {
  const [time, expire] = [Math.floor(Date.now() / 1000), 3600];
  const signed = `TLS.identifier:${identifier}\nTLS.sdkappid:${APP}\nTLS.time:${time}\nTLS.expire:${expire}\n`;
  const sig = createHmac('sha256', key).update(signed).digest('base64');
  const text = JSON.stringify({ 'TLS.ver': '2.0', 'TLS.identifier': identifier, 'TLS.sdkappid': APP, 'TLS.expire': expire, 'TLS.time': time, 'TLS.sig': sig });
  return deflateSync(text).toString('base64').replace(/[+/=]/g, (sign) => ({ '+': '*', '/': '-', '=': '_' })[sign]);
}

/** Makes one call, and returns its code. @param {object} server @param {string} sig */
async function call(server, sig) {
  const address = `${server.public}/v4/profile/portrait_get?sdkappid=${APP}&identifier=administrator&usersig=${sig}&random=1&contenttype=json`;
  const body = JSON.stringify({ To_Account: ['administrator'], TagList: ['Tag_Profile_IM_Nick'] });
  return (await (await fetch(address, { method: 'POST', body })).json()).ErrorCode;
}

test('a key is replaced while calls are made: none is refused, and the secret leaves the page', async () => {
  const server = await serve();
  const path = `/admin/v1/apps/${APP}`;
  await server.api('PATCH', path, { limits: { portrait_get: 0, total: 0 } });
  let [key, stopped] = [server.key, false];
  const codes = [];
  const traffic = (async () => {
    while (!stopped) codes.push(await call(server, userSig(key)));
  })();
  const more = async (count) => {
    for (const wanted = codes.length + count; codes.length < wanted;) await new Promise((resolve) => setImmediate(resolve));
  };
  for (const [index, look] of LOOKS.entries()) {
    const [old, next] = [index + 1, index + 2];
    const opened = await openAs(server, `#/${APP}/keys`, look);
    const { page } = opened;
    await more(10);
    const before = key;
    await page.locator('.steps button').first().click();
    // Asked first: Escape adds none.
    await page.locator('dialog button.primary').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.deepEqual((await server.api('GET', path)).keys.map(({ id }) => id), [old]);
    await page.locator('.steps button').first().click();
    await check(opened);
    await page.locator('dialog button.primary').click();
    const secret = await page.locator('dialog code').textContent();
    assert.match(secret, /^[0-9a-f]{64}$/);
    await check(opened);
    await page.locator('dialog button.primary').click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.ok(!(await page.content()).includes(secret));
    await page.locator('.steps [aria-current=step] input[type=checkbox]').waitFor();
    assert.deepEqual((await server.api('GET', path)).keys.map(({ id }) => id), [old, next]);

    // The older one is proposed, and seen in use.
    assert.match(await page.locator('.steps select option:checked').textContent(), new RegExp(` ${old}[ （]`));
    await page.locator('.steps [role=status] time').waitFor();
    key = secret;
    await more(10);
    await page.locator('.steps input[type=checkbox]').check();
    await page.locator('.steps button.danger').click();
    assert.ok(await page.locator('dialog button.danger').isDisabled());
    await page.locator('dialog input').fill(String(old));
    await page.locator('dialog button.danger').click();
    await page.locator('.steps [aria-current=step] button.primary').waitFor();
    assert.deepEqual((await server.api('GET', path)).keys.map(({ id }) => id), [next]);
    assert.equal(await call(server, userSig(before)), REVOKED);
    await more(10);
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
    assert.ok(!kept.includes(secret));
    await check(opened);
    await opened.context.close();
  }
  stopped = true;
  await traffic;
  assert.deepEqual([...new Set(codes)], [0]);
});

test('the key that is revoked is the one that was chosen, and the page tells which one is in use', async () => {
  const server = await serve();
  const path = `/admin/v1/apps/${APP}`;
  const { key } = await server.api('POST', `${path}/keys`, {});
  assert.equal(await call(server, userSig(server.key)), 0);
  const opened = await openAs(server, `#/${APP}/keys`);
  const { page } = opened;
  const row = (id) => page.locator('section.card').first().locator('tbody tr').nth(id - 1);
  await row(1).locator('td').nth(3).locator('time').waitFor();
  assert.equal(await row(1).locator('time').count(), 2, 'added and used');
  assert.equal(await row(2).locator('td').nth(3).textContent(), 'never', 'made after the start, and not used');
  assert.equal(await call(server, userSig(key)), 0);
  await page.getByRole('button', { name: 'Look again' }).click();
  await row(2).locator('td').nth(3).locator('time').waitFor();
  // Key 1 is the older one, but here it is the good one.
  assert.match(await page.locator('.steps select option:checked').textContent(), /^Key 1 /);
  await page.getByLabel('Key to replace').selectOption('2');
  await page.getByLabel('Every caller uses the new key').check();
  await page.locator('.steps').getByRole('button', { name: /^Revoke key 2 / }).click();
  const dialog = page.locator('dialog');
  assert.match(await dialog.textContent(), /Revoke key 2 .*Last used: .*\d\d:\d\d:\d\d/);
  await check(opened);
  await dialog.locator('input').fill('2');
  await dialog.locator('button.danger').click();
  await page.locator('.steps [aria-current=step]', { hasText: 'Add a key' }).waitFor();
  assert.deepEqual((await server.api('GET', path)).keys.map(({ id }) => id), [1]);
  assert.equal(await call(server, userSig(server.key)), 0);
  await check(opened);
});

test('an App admin is added and removed', async () => {
  const server = await serve();
  const opened = await openAs(server, `#/${APP}/keys`);
  const { page } = opened;
  const admins = async () => (await server.api('GET', `/admin/v1/apps/${APP}`)).admins;
  await page.locator('input[name=admin]').fill('O\'Neil "爱"');
  await page.getByRole('button', { name: 'Make an App admin' }).click();
  const remove = page.getByRole('button', { name: 'Remove O\'Neil "爱" from the App admins' });
  await remove.waitFor();
  assert.deepEqual((await admins()).sort(), ['O\'Neil "爱"', 'administrator']);
  await remove.click();
  await page.locator('dialog button.danger').click();
  await remove.waitFor({ state: 'detached' });
  assert.deepEqual(await admins(), ['administrator']);
  await check(opened);
});
