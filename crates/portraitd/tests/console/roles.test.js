// Roles: what a token may not do is disabled on the page, with the reason, and refused by the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, dev, directory, go, openAs, serve } from './support.js';

const APP = 1400000000;
const ROLES = ['viewer', 'operator', 'admin'];
/** The controls that want a role, by page: those of operators, those of admins. */
const WANTED = {
  explorer: [['Send'], []],
  usersig: [['Make a UserSig', 'Check'], []],
  users: [['Create a user', 'Save', 'Download', 'Delete …'], []],
  fields: [[], ['Define a field', 'Edit …', 'Retire']],
  words: [['Compare and save …'], ['Save']],
  keys: [[], ['Add a key …', 'Revoke …', 'Revoke key 1', 'Make an App admin', 'Remove …']],
  settings: [[], ['Save']],
  webhook: [['Send a sample', 'Deliver chosen', 'Drop chosen', 'Deliver all 1', 'Drop all 1'], ['Save', 'Remove']],
  transfer: [['Import', 'Check without storing', 'Export all users', 'Export this user'], []],
  overview: [[], []],
  apps: [[], ['Create']],
  tokens: [[], ['Create', 'Revoke']],
  audit: [[], []],
  backup: [['Back up'], []],
};
const REASON = { viewer: 'Your token may only read.', operator: 'Your token may not do this: it needs the role admin.' };

/** A server with something on every page, and a token of each role. */
async function prepared() {
  const server = await serve({ PORTRAITD_WEBHOOK_ALLOW_NETWORKS: '["127.0.0.0/8"]', PORTRAITD_WEBHOOK_RETRY_SCHEDULE: '["0s"]' });
  const path = `/admin/v1/apps/${APP}`;
  await server.api('PUT', `${path}/fields/Score`, { type: 'uint64', read: ['admin'], write: ['admin'] });
  await server.api('POST', `${path}/keys`, {});
  await server.api('PUT', `${path}/webhook`, { url: 'http://127.0.0.1:9/' });
  await server.api('PUT', `${path}/accounts/alice`);
  await server.api('PATCH', `${path}/accounts/alice/profile`, { Tag_Profile_IM_Nick: 'Alice' });
  while ((await server.api('GET', `${path}/webhook`)).parked.events === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const tokens = {};
  for (const role of ROLES) tokens[role] = (await server.api('POST', '/admin/v1/tokens', { name: role, role })).token;
  return { server, tokens };
}

/** Opens a page with all that it can show. @param {object} opened @param {string} name */
async function show(opened, name) {
  const { page } = opened;
  await go(opened, `#/${APP}/${name}${name === 'users' ? '/alice' : name === 'explorer' ? '/portrait_set' : ''}`);
  if (name === 'transfer') await page.locator('input[type=file]').setInputFiles({ name: 'a.jsonl', mimeType: 'text/plain', buffer: Buffer.from('{"UserID":"a","ProfileItem":[]}\n') });
  await page.waitForFunction(() => ![...document.querySelectorAll('main [role=status], main .empty')].some((one) => one.textContent === 'Loading …'));
}

/** The buttons of the page that are disabled for a reason. @param {object} page @param {string} reason */
async function refused(page, reason) {
  return page.locator('main button:disabled').evaluateAll((all, reason) =>
    all.filter((one) => one.title === reason).map((one) => one.textContent.replace(/(Ctrl ⏎| \(…....\))$/, '')), reason);
}

/** Uses every button that can be used, and Ctrl+Enter everywhere. @param {object} page */
async function useEverything(page) {
  for (let index = 0; ; index += 1) {
    const button = page.locator('main button:enabled').nth(index);
    if ((await button.count()) === 0) break;
    if (/^(Copy|Save as a file|Download|Export)/.test(await button.textContent())) continue;
    await button.click();
    if (await page.locator('dialog').count()) await page.keyboard.press('Escape');
  }
  for (const field of await page.locator('main input:enabled:not([type=file]), main textarea:enabled').all()) {
    if (await field.isVisible()) await field.press('Control+Enter');
  }
}

for (const role of ['viewer', 'operator']) {
  test(`role ${role}: what it may not use is disabled, and says why`, async () => {
    const { server, tokens } = await prepared();
    const opened = await openAs(server, `#/${APP}/audit`, { token: tokens[role] });
    const { page } = opened;
    const calls = [];
    page.on('response', (response) => calls.push(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`));
    await page.locator('header.top .badge', { hasText: role }).waitFor();
    for (const [name, [operator, admin]] of Object.entries(WANTED)) {
      await show(opened, name);
      const wanted = [...(role === 'viewer' ? operator : []), ...admin];
      const found = new Set(await refused(page, REASON[role]));
      if (name === 'users') {
        await page.getByRole('tab', { name: 'Export & delete' }).click();
        for (const one of await refused(page, REASON[role])) found.add(one);
      }
      assert.deepEqual([...found].sort(), wanted.sort(), `${role} ${name}`);
      if (role !== 'viewer') continue;
      await check(opened);
      await useEverything(page);
    }
    await check(opened);
    assert.deepEqual(calls.filter((call) => call.startsWith('403')), []);
    const written = calls.filter((call) => !/^200 GET /.test(call) && !/words\/test$/.test(call));
    assert.deepEqual(written, []);
  });

  test(`role ${role}: every call above it is refused`, async () => {
    const { server, tokens } = await prepared();
    const call = (method, path, body) => fetch(server.url + path, { method, headers: { Authorization: `Bearer ${tokens[role]}` }, body });
    const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
    let number = 0;
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(item)) {
        const wanted = security?.[0]?.token?.[0];
        if (!wanted || ROLES.indexOf(wanted) <= ROLES.indexOf(role)) continue;
        const address = path.replace('{app}', APP).replace(/\{\w+\}/, '2');
        const answer = await call(method.toUpperCase(), address, method === 'get' ? undefined : '{}');
        assert.equal(answer.status, 403, `${method} ${address}`);
        assert.match((await answer.json()).error, new RegExp(`role ${role}, and this call wants ${wanted}`));
        number += 1;
      }
    }
    assert.ok(number >= (role === 'viewer' ? 20 : 10), `${number} calls`);
    const tried = await call('POST', `/admin/v1/apps/${APP}/try`, JSON.stringify({ path: '/v4/profile/portrait_set', identifier: 'administrator', usersig: 'valid', body: '{}' }));
    assert.equal(tried.status, role === 'viewer' ? 403 : 200);
    assert.deepEqual((await server.api('GET', '/admin/v1/tokens')).map(({ name }) => name).sort(), ['admin', 'local', 'operator', 'viewer']);
    assert.equal((await server.api('GET', `/admin/v1/apps/${APP}`)).keys.length, 2);
  });
}

test('in an emulator that keeps its data, a viewer changes no fault, no clock, no records', async () => {
  const emulator = await dev(['--data', directory()]);
  const call = async (method, path, body) => {
    const answer = await fetch(emulator.url + path, { method, body: JSON.stringify(body), headers: { Authorization: `Bearer ${emulator.admin_token}` } });
    return answer.json();
  };
  const { token } = await call('POST', '/admin/v1/tokens', { name: 'reader', role: 'viewer' });
  await call('POST', '/_portraitd/faults', { command: 'kick', next: 1, code: 60007 });
  // Who connects programs gets a key, so a viewer is told that it can't.
  const opened = await openAs({ ...emulator, token }, `#/${emulator.sdkappid}/faults`, { expected: /status of 40[39]/ });
  const { page } = opened;
  await page.getByRole('button', { name: 'Remove rule 1' }).waitFor();
  const wanted = {
    faults: ['+181d', '+1d', '+1h', '+90d', 'Add rule', 'Back to the machine’s time', 'Freeze', 'Remove', 'Remove all', 'Reset', 'Save', 'Set'],
    calls: ['Clear'],
    inbox: ['Clear'],
    apps: ['Create'],
  };
  for (const [name, buttons] of Object.entries(wanted)) {
    await go(opened, `#/${emulator.sdkappid}/${name}`);
    for (const button of buttons) await page.locator('main button:disabled', { hasText: button }).first().waitFor();
    assert.deepEqual([...new Set(await refused(page, REASON.viewer))].sort(), buttons, name);
    await check(opened);
  }
  assert.equal((await call('GET', '/_portraitd/faults')).length, 1);
});
