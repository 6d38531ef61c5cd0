// The webhook: a receiver that is down, parked events, and all of them delivered again.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';
import { LOOKS, check, openAs, serve } from './support.js';

const APP = 1400000000;
const HOOK = `/admin/v1/apps/${APP}/webhook`;
/** More than a page of the list. */
const USERS = 250;

/** A receiver of events; it refuses them while `up` is false. */
async function receiver() {
  const state = { up: false, events: [] };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      response.statusCode = state.up ? 200 : 500;
      if (state.up) state.events.push(JSON.parse(body));
      response.end('{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => { server.close(); server.closeAllConnections(); });
  return { state, url: `http://127.0.0.1:${server.address().port}/hook` };
}

/** Waits until a webhook is in a state. @param {object} server @param {(hook: any) => boolean} wanted */
async function until(server, wanted) {
  for (;;) {
    const hook = await server.api('GET', HOOK);
    if (wanted(hook)) return hook;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

test('a receiver is down, its events are parked, and one click delivers them all', async () => {
  // One attempt, then an event is parked; in production that takes 18 hours.
  const server = await serve({ PORTRAITD_WEBHOOK_ALLOW_NETWORKS: '["127.0.0.0/8"]', PORTRAITD_WEBHOOK_RETRY_SCHEDULE: '["0s"]' });
  const { state, url } = await receiver();
  const opened = await openAs(server, `#/${APP}/webhook`, { expected: /status of 400/ });
  const { page } = opened;
  await page.getByLabel('URL').fill('ftp://example.com/');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('form [role=alert]').waitFor();
  assert.equal((await server.api('GET', HOOK)).url, null);
  await page.getByLabel('URL').fill(url);
  await page.getByLabel('URL').press('Control+Enter');
  await page.getByRole('button', { name: 'Remove' }).waitFor();
  assert.equal((await server.api('GET', HOOK)).url, url);

  await page.getByRole('button', { name: 'Send a sample' }).click();
  await page.locator('.note.bad', { hasText: '500' }).waitFor();
  await check(opened);

  const lines = Array.from({ length: USERS }, (_, index) =>
    JSON.stringify({ UserID: `u${index}`, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: `Nick ${index}` }] }));
  await server.api('POST', `/admin/v1/apps/${APP}/import?tell=true`, lines.join('\n'));
  await until(server, ({ parked, waiting }) => parked.events === USERS && waiting.events === 0);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('button', { name: `Deliver all ${USERS}` }).waitFor();
  await page.locator('tbody tr td code').first().waitFor();
  await page.locator('tbody tr').first().click();
  await page.getByRole('heading', { name: /^Event / }).waitFor();
  await check(opened);

  // Still down: they come back.
  await page.getByRole('button', { name: `Deliver all ${USERS}` }).click();
  await page.locator('dialog button.primary').click();
  await until(server, ({ parked, waiting, failed }) => parked.events === USERS && waiting.events === 0 && failed >= 2 * USERS);
  assert.deepEqual(state.events, []);

  state.up = true;
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByRole('button', { name: `Deliver all ${USERS}` }).click();
  await page.locator('dialog', { hasText: String(USERS) }).locator('button.primary').click();
  const hook = await until(server, ({ parked, waiting }) => parked.events === 0 && waiting.events === 0);
  assert.equal(hook.delivered, USERS);
  const told = new Set(state.events.map((event) => event.From_Account ?? JSON.stringify(event)));
  assert.equal(state.events.length, USERS);
  assert.equal(told.size, USERS);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.locator('.badge.good').waitFor();
  await check(opened);
});

test('some parked events are delivered, others dropped, in every look', async () => {
  const server = await serve({ PORTRAITD_WEBHOOK_ALLOW_NETWORKS: '["127.0.0.0/8"]', PORTRAITD_WEBHOOK_RETRY_SCHEDULE: '["0s"]' });
  const { state, url } = await receiver();
  await server.api('PUT', HOOK, { url });
  for (const [index, look] of LOOKS.entries()) {
    state.up = false;
    state.events.length = 0;
    for (const user of ['ann', 'ben', 'cem']) {
      await server.api('PUT', `/admin/v1/apps/${APP}/accounts/${user}`);
      await server.api('PATCH', `/admin/v1/apps/${APP}/accounts/${user}/profile`, { Tag_Profile_IM_Nick: `${user} ${index}` });
    }
    await until(server, ({ parked, waiting }) => parked.events === 3 && waiting.events === 0);
    const opened = await openAs(server, `#/${APP}/webhook`, look);
    const { page } = opened;
    await page.locator('tbody tr', { hasText: 'ben' }).locator('input').check();
    await check(opened);
    state.up = true;
    await page.locator('.webhook-actions button').first().click();
    await until(server, ({ parked, waiting }) => parked.events === 2 && waiting.events === 0);
    assert.equal(state.events.length, 1);
    assert.ok(JSON.stringify(state.events[0]).includes('ben'));

    // The list is read once more.
    await page.locator('tbody tr', { hasText: 'ben' }).waitFor({ state: 'detached' });
    await page.locator('tbody tr').nth(1).waitFor();
    await page.locator('.webhook-actions button.danger').last().click();
    await page.locator('dialog input').fill('2');
    await page.locator('dialog button.danger').click();
    await until(server, ({ parked }) => parked.events === 0);
    await page.locator('.webhook-actions').waitFor({ state: 'detached' });
    assert.equal(state.events.length, 1);
    await check(opened);
    await opened.context.close();
  }
});
