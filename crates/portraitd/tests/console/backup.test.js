// A backup is made on the page, and the commands that it shows restore it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOOKS, check, directory, openAs, run, serve } from './support.js';

const APP = 1400000000;

test('a backup is made, and the commands that are shown check and restore it', async () => {
  const server = await serve();
  await server.api('PUT', `/admin/v1/apps/${APP}/accounts/alice`);
  await server.api('PATCH', `/admin/v1/apps/${APP}/accounts/alice/profile`, { Tag_Profile_IM_Nick: 'Alice' });
  const place = directory();
  for (const [index, look] of LOOKS.entries()) {
    const opened = await openAs(server, `#/${APP}/backup`, { ...look, expected: /status of 4/ });
    const { page } = opened;
    const target = join(place, `it's backup ${index}`);
    const field = page.locator('form input');
    await field.fill('relative');
    await page.locator('form button.primary').click();
    assert.ok(await field.evaluate((input) => !input.validity.valid));
    await field.fill(target);
    await page.locator('form button.primary').click();
    await page.locator('.note.warn').waitFor();
    await check(opened);

    const [restore, checks] = await page.locator('section', { has: page.locator('.note.warn') }).locator('.body code').allTextContents();
    const copy = join(place, `copy ${index}`);
    await shell(restore.replace('NEW_DIRECTORY', `'${copy}'`));
    await shell(checks);
    const user = ['export', String(APP), '--user', 'alice'];
    assert.equal(await run([...user, '--data', copy]), await run([...user, '--data', server.data]));

    // Not into a directory that has something in it.
    await page.locator('form button.primary').click();
    await page.locator('[role=alert]').waitFor();
    await check(opened);
    await opened.context.close();
  }
});

/** Runs a command as it is shown. @param {string} text */
async function shell(text) {
  assert.match(text, /^portraitd /);
  await run(['-c', `exec "$PORTRAITD_BIN" ${text.slice('portraitd '.length)}`], { program: '/bin/sh' });
}
