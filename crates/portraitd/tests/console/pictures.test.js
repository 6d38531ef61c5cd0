// The pictures of docs/CONSOLE.md. Every run opens the pages as they are there; with UPDATE=1 the pictures are made anew.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { call, setNick } from './public.js';
import { smallPng } from './small_png.js';
import { check, dev, open, run, serve } from './support.js';

const UPDATE = process.env.UPDATE === '1';
const DIRECTORY = fileURLToPath(new URL('../../../../docs/pictures/', import.meta.url));
/** A reader of the documents loads all of them. */
const BYTES_MAX = 120 * 1024;

const PEOPLE = [
  ['liwei', '李伟'], ['emma.jones', 'Emma Jones'], ['zhangmin', '张敏'], ['mateo_garcia', 'Mateo García'], ['yuki', '雪'],
  ['nina.petrova', 'Нина Петрова'], ['wangfang', '王芳'], ['omar', 'عمر'], ['sofia', 'Sofía'], ['chenjie', '陈杰'],
];

const server = await dev();
for (const [user, Nick] of PEOPLE) await call(server, 'im_open_login_svc/account_import', { UserID: user, Nick });
const set = (user, items) => call(server, 'profile/portrait_set', {
  From_Account: user, ProfileItem: items.map(([tag, Value]) => ({ Tag: `Tag_Profile_${tag}`, Value })),
});
await set('emma.jones', [
  ['IM_Gender', 'Gender_Type_Female'], ['IM_BirthDay', 19940612], ['IM_Location', 'Hamburg'], ['IM_SelfSignature', 'Back on Monday.'],
  ['IM_AllowType', 'AllowType_Type_NeedConfirm'], ['IM_Level', 7],
]);

/** Opens a page of the console in the window of the pictures. */
async function at(path, look = {}) {
  const opened = await open(`${server.url}/console/#/${server.sdkappid}/${path}`, look);
  await opened.page.setViewportSize({ width: look.width ?? 1280, height: 800 });
  return opened;
}

/** Checks the page, and makes its picture when that is asked for. */
async function picture(opened, name) {
  await check(opened);
  if (!UPDATE) return opened.context.close();
  const { page } = opened;
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  await page.locator('.toasts > *').first().waitFor({ state: 'detached' });
  const bytes = smallPng(await page.screenshot({ animations: 'disabled' }));
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(`${DIRECTORY}console-${name}.png`, bytes);
  assert.ok(bytes.length <= BYTES_MAX, `console-${name}.png has ${bytes.length} bytes`);
  return opened.context.close();
}

/** A wrong call in the explorer, explained. */
async function refused(look, name) {
  const opened = await at('explorer/portrait_set', look);
  const { page } = opened;
  await page.locator('.tab-row select').selectOption('set_client_name');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('button', { name: 'Tag_Profile_IM_Image' }).waitFor();
  await picture(opened, name);
}

test('the explorer explains a refused call and offers what puts it right', () => refused({}, 'explorer'));

test('the explorer in Chinese, dark', () => refused({ language: 'zh', theme: 'dark' }, 'explorer-zh'));

test('live calls', async () => {
  await server.api('DELETE', '/_portraitd/requests');
  const opened = await at('calls');
  const { page } = opened;
  await page.locator('.live-dot').waitFor();
  await setNick(server, 'Li Wei', 'liwei');
  await call(server, 'profile/portrait_get', { To_Account: ['liwei', 'yuki', 'omar', 'sofia'], TagList: ['Tag_Profile_IM_Nick', 'Tag_Profile_IM_Image'] });
  await call(server, 'im_open_login_svc/account_check', { CheckItem: [{ UserID: 'zhangmin' }, { UserID: 'dave' }] });
  await setNick(server, 'Dave', 'dave');
  await call(server, 'profile/portrait_get', { To_Account: ['wangfang'], TagList: ['nickName'] });
  await call(server, 'profile/portrait_get', { To_Account: ['chenjie'], TagList: ['Tag_Profile_IM_Nick'] }, { usersig: 'eJyrVgrx' });
  await server.api('POST', '/_portraitd/faults', { command: 'portrait_set', user: 'yuki', next: 1, close: 'after' });
  await setNick(server, 'Yuki', 'yuki').catch(() => {});
  await call(server, 'im_open_login_svc/kick', { UserID: 'omar' });
  await setNick(server, 'Sofía R.', 'sofia');
  await page.locator('tbody tr', { has: page.locator('.badge.warn') }).click();
  await page.locator('.list-card + .card .note.warn').waitFor();
  await server.api('DELETE', '/_portraitd/faults');
  await picture(opened, 'calls');
});

test('faults, time and data', async () => {
  await server.api('POST', '/_portraitd/faults', { command: 'portrait_set', next: 3, close: 'after' });
  await server.api('POST', '/_portraitd/faults', { command: 'portrait_get', probability: 0.05, seed: 7, code: 60007 });
  await setNick(server, 'Emma', 'emma.jones').catch(() => {});
  await server.api('PUT', '/_portraitd/clock', { advance: '1d' });
  const opened = await at('faults');
  await opened.page.locator('.rules li').nth(1).waitFor();
  await picture(opened, 'faults');
  await server.api('DELETE', '/_portraitd/faults');
  await server.api('DELETE', '/_portraitd/clock');
});

test('users', async () => {
  const opened = await at('users/emma.jones');
  const { page } = opened;
  await page.locator('#value-Tag_Profile_IM_Location').fill('Lübeck');
  await page.locator('tbody tr', { hasText: 'Нина' }).waitFor();
  await picture(opened, 'users');
});

test('the overview of a server', async () => {
  const started = await serve();
  const app = '/admin/v1/apps/1400000000';
  const { usersig } = await started.api('POST', `${app}/usersig`, { identifier: 'administrator', expire: 86_400 });
  const caller = { url: started.public, sdkappid: 1_400_000_000, admin: 'administrator', usersig };
  for (const [user, Nick] of PEOPLE) await call(caller, 'im_open_login_svc/account_import', { UserID: user, Nick });
  const link = (await run(['console', '--data', started.data])).trim();
  const opened = await open(link);
  const { page } = opened;
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.locator('nav.side a[href$="/overview"]').click();
  await page.locator('.tile').first().waitFor();
  let readings = 0;
  page.on('response', (answer) => (readings += answer.url().endsWith('/metrics') ? 1 : 0));
  for (let number = 0; readings < (UPDATE ? 16 : 1); number += 1) {
    const user = PEOPLE[number % PEOPLE.length][0];
    if (number % 4 === 0) await setNick(caller, `nick ${number}`, user);
    else await call(caller, 'profile/portrait_get', { To_Account: [user], TagList: [number % 37 === 0 ? 'nickName' : 'Tag_Profile_IM_Nick'] });
    // More calls at some times than at others, as there are in a day.
    await new Promise((resolve) => setTimeout(resolve, 25 + 15 * Math.sin(number / 300)));
  }
  await page.locator('svg.chart').first().waitFor();
  await picture(opened, 'overview');
});

test('a phone', async () => {
  const opened = await at('explorer/portrait_get', { width: 390 });
  const { page } = opened;
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('main .badge.good', { hasText: 'OK' }).waitFor();
  // A phone is led to the answer; axe would take the bar above it for a neighbour of what it covers.
  await page.waitForFunction(() => scrollY > 0);
  await page.evaluate(() => scrollTo(0, 0));
  await picture(opened, 'phone');
});
