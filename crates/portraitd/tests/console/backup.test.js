// A backup is made on the page: its progress is seen, also after a reload, and the commands that it shows restore it.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOOKS, check, directory, openAs, run, serve } from './support.js';

const APP = 1400000000;
const BASE = `/admin/v1/apps/${APP}`;
/** So many thousand users that their backup takes longer than a call. */
const PARTS = 40;

test('a backup is made, and the commands that are shown check and restore it', async () => {
  const server = await serve();
  await server.api('PUT', `${BASE}/accounts/alice`);
  await server.api('PATCH', `${BASE}/accounts/alice/profile`, { Tag_Profile_IM_Nick: 'Alice' });
  const place = directory();
  for (const [index, look] of LOOKS.entries()) {
    const opened = await openAs(server, `#/${APP}/backup`, { ...look, expected: /status of 4/ });
    const { page } = opened;
    await listed(page, index);
    const target = join(place, `it's backup ${index}`);
    const field = page.locator('form input');
    await field.fill('relative');
    await page.locator('form button.primary').click();
    assert.ok(await field.evaluate((input) => !input.validity.valid));
    await field.fill(target);
    await page.locator('form button.primary').click();
    await page.locator('header code', { hasText: target }).waitFor();
    await page.locator('.note.warn').waitFor();
    await check(opened);
    await restored(server, page, join(place, `copy ${index}`));

    // Not into a directory that has something in it.
    await page.locator('form button.primary').click();
    await page.locator('[role=alert]').waitFor();
    await check(opened);

    // The list is still there after a reload, and an older backup can be looked at.
    await page.reload();
    await listed(page, index + 1);
    await page.locator('tbody tr').nth(index).click();
    await page.locator('header code', { hasText: `it's backup 0` }).waitFor();
    await check(opened);
    await opened.context.close();
  }
});

test('the progress of a long backup is seen, over a reload, and there is one at a time', async () => {
  const server = await serve();
  await server.api('PUT', `${BASE}/accounts/alice`);
  await fill(server);
  const opened = await openAs(server, `#/${APP}/backup`, { expected: /status of 409/ });
  const { page } = opened;
  const target = join(directory(), 'long');
  // A backup leaves the disk to others while they write.
  let writing = true;
  const writers = Array.from({ length: 3 }, async () => {
    for (let level = 1; writing; level += 1) await server.api('PATCH', `${BASE}/accounts/alice/profile`, { Tag_Profile_IM_Level: level });
  });
  try {
    // How long a backup goes on depends on the machine: the page is told of it as of one that never ends.
    const told = '**/admin/v1/jobs';
    let [job, bytes] = [null, 0];
    await page.route(told, (route) => (job ? route.fulfill({ json: [{ ...job, bytes: (bytes += 1000), bytes_total: 1_000_000 }] }) : route.continue()));
    const begun = page.waitForResponse((response) => response.url().endsWith('/backup?wait=false'));
    await page.locator('form input').fill(target);
    await page.locator('form button.primary').click();
    job = await (await begun).json();
    assert.equal(job.state, 'running');
    await assert.rejects(server.api('POST', '/admin/v1/backup?wait=false', { directory: `${target}-2` }), new RegExp(`409 .*jobs/${job.id} `));
    assert.ok(!readdirSync(target).includes('portraitd.db'));
    const isBetween = () => {
      const bar = document.querySelector('main progress');
      return bar instanceof HTMLProgressElement && bar.value > 0 && bar.value < bar.max;
    };
    await page.waitForFunction(isBetween);
    await page.getByText('to go').waitFor();
    await check(opened);
    const before = await page.locator('main progress').evaluate((bar) => bar.value);
    assert.ok(await page.locator('form button.primary').isDisabled());

    await page.reload();
    await page.waitForFunction(isBetween);
    assert.ok((await page.locator('main progress').evaluate((bar) => bar.value)) >= before);
    assert.ok(await page.locator('form button.primary').isDisabled());
    await page.unroute(told);
    await page.locator('main progress').waitFor({ state: 'detached', timeout: 120_000 });
  } finally {
    writing = false;
    await Promise.all(writers);
  }
  await page.locator('.note.warn').waitFor();
  const [done] = await server.api('GET', '/admin/v1/jobs');
  assert.deepEqual([done.state, done.bytes, done.directory], ['done', done.bytes_total, target]);
  await check(opened);
  await restored(server, page, join(directory(), 'copy'), { inTheMiddle: true });
});

/** Waits until the page lists so many backups. @param {object} page @param {number} number */
async function listed(page, number) {
  await page.locator('main section', { has: page.locator('tbody') }).waitFor();
  await page.waitForFunction((wanted) => document.querySelectorAll('tbody tr').length === wanted, number);
}

async function fill(server) {
  const text = 'x'.repeat(500);
  for (let part = 0; part < PARTS; part += 1) {
    const line = (_, /** @type {number} */ index) => JSON.stringify({
      UserID: `u${part}-${index}`,
      ProfileItem: ['Nick', 'SelfSignature'].map((name) => ({ Tag: `Tag_Profile_IM_${name}`, Value: text })),
    });
    await server.api('POST', `${BASE}/import`, Array.from({ length: 1000 }, line).join('\n'));
  }
}

/**
 * Runs the commands that the page shows for a backup.
 * @param {object} server @param {object} page @param {string} copy @param {{ inTheMiddle?: boolean }} [taken]
 */
async function restored(server, page, copy, { inTheMiddle = false } = {}) {
  const [restore, checks] = await page.locator('section', { has: page.locator('.note.warn') }).locator('.body code').allTextContents();
  await shell(restore.replace('NEW_DIRECTORY', `'${copy}'`));
  await shell(checks);
  const user = ['export', String(APP), '--user', inTheMiddle ? `u${PARTS - 1}-999` : 'alice'];
  assert.equal(await run([...user, '--data', copy]), await run([...user, '--data', server.data]));
}

/** Runs a command as it is shown. @param {string} text */
async function shell(text) {
  assert.match(text, /^portraitd /);
  await run(['-c', `exec "$PORTRAITD_BIN" ${text.slice('portraitd '.length)}`], { program: '/bin/sh' });
}
