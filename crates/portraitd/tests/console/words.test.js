// Sensitive words: a list of 100,000 is read, compared and stored, and a text is tried.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOOKS, check, go, openAs, serve } from './support.js';

const APP = 1400000000;
const WORDS_MAX = 100_000;
const WORDS = `/admin/v1/apps/${APP}/words`;

const listOf = (count) => `${Array.from({ length: count }, (_, index) => `敏感${index}x`).join('\n')}\n`;
const file = (text) => ({ name: 'words.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });

/** The list that the server has. @param {object} server */
const stored = async (server) => (await fetch(server.url + WORDS, { headers: { Authorization: `Bearer ${server.token}` } })).text();

test('100,000 words are read from a file, stored, found and changed', async () => {
  const server = await serve();
  const opened = await openAs(server, `#/${APP}/words`, { expected: /status of 400/ });
  const { page } = opened;
  const save = page.getByRole('button', { name: 'Compare and save …' });
  await page.locator('textarea.words-text').waitFor();
  assert.ok(await save.isDisabled());

  await page.locator('input[type=file]').setInputFiles(file(listOf(WORDS_MAX + 1)));
  await page.getByText('100,001 added').waitFor();
  await save.click();
  await page.locator('dialog').getByRole('button', { name: 'Replace the list' }).click();
  await page.getByText('one word too many').waitFor();
  assert.equal(await stored(server), '');

  await page.locator('input[type=file]').setInputFiles(file(`${listOf(WORDS_MAX)}\n敏感7x\n`));
  await page.getByText('100,000 added').waitFor();
  await page.getByText('1 repeated line').waitFor();
  await save.click();
  await check(opened);
  await page.locator('dialog').getByRole('button', { name: 'Replace the list' }).click();
  await page.getByText('100,000 words are in force.').waitFor();
  assert.equal(await stored(server), listOf(WORDS_MAX));
  assert.equal((await server.api('GET', `/admin/v1/apps/${APP}`)).words, WORDS_MAX);

  // A word far down is found, changed and stored.
  await go(opened, `#/${APP}/keys`);
  await go(opened, `#/${APP}/words`);
  await page.getByLabel('Find a word').fill('敏感77777x');
  await page.getByLabel('Find a word').press('Enter');
  await page.getByText('Line 77,778').waitFor();
  await page.getByText('Page 39 of 50').waitFor();
  await page.locator('textarea.words-text').press('ControlOrMeta+End');
  await page.locator('textarea.words-text').pressSequentially('new\n');
  await page.getByText('1 added').waitFor();
  assert.ok(await save.isEnabled());
  await save.click();
  await page.locator('dialog').getByRole('button', { name: 'Replace the list' }).click();
  await page.getByText('one word too many').waitFor();
  await check(opened);
});

test('a text is tried against the words in force, and the checked fields are chosen', async () => {
  const server = await serve();
  await server.api('PUT', WORDS, 'bad\n敏感\n<b>\n');
  for (const look of LOOKS) {
    const opened = await openAs(server, `#/${APP}/words`, look);
    const { page } = opened;
    const form = page.locator('form', { has: page.locator('textarea') });
    await form.locator('textarea').fill('a BAD word and 敏感 <b>');
    await form.locator('button').click();
    await form.locator('.note.bad').waitFor();
    assert.deepEqual((await form.locator('.note.bad code').allTextContents()).sort(), ['<b>', 'bad', '敏感']);
    await check(opened);
    await form.locator('textarea').fill('a good word');
    assert.equal(await form.locator('.note').count(), 0);
    await form.locator('textarea').press('Control+Enter');
    await form.locator('.note.good').waitFor();

    const before = (await server.api('GET', `/admin/v1/apps/${APP}`)).screened_tags;
    const location = page.locator('label', { hasText: 'Tag_Profile_IM_Location' }).locator('input');
    await location.setChecked(!before.includes('Tag_Profile_IM_Location'));
    await page.locator('form', { has: page.locator('input[type=checkbox]') }).locator('button.primary').click();
    await page.locator('form button.primary:disabled').waitFor();
    const after = (await server.api('GET', `/admin/v1/apps/${APP}`)).screened_tags;
    assert.notEqual(after.includes('Tag_Profile_IM_Location'), before.includes('Tag_Profile_IM_Location'));
    await check(opened);
    await opened.context.close();
  }
});
