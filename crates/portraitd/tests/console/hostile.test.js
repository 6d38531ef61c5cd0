// What others can put in front of the console: ids, texts and numbers of theirs, pages of theirs, paths of theirs.

import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, test } from 'node:test';
import { call, setNick } from './public.js';
import { LOOKS, check, dev, open } from './support.js';
import { textsOf } from './texts.js';

const MARKUP = '<img src=x onerror=alert(1)>';
const TURNED = '\u202eecila\u202c\u2066';
const MAX = '18446744073709551615';
const BEYOND = '184467440737095516160001';
const BIG = 'Tag_Profile_Custom_Big';

/** A dialog of the browser is markup that ran. */
async function openSafe(address, look) {
  const opened = await open(address, look);
  opened.page.on('dialog', (dialog) => {
    opened.problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return opened;
}

/** The page has text where markup was sent. */
const hasMarkup = (page) => page.locator('main img, main script, main iframe').count();

async function hostileServer() {
  const server = await dev();
  const app = `/admin/v1/apps/${server.sdkappid}`;
  await server.api('PUT', `${app}/fields/Big`, { type: 'uint64', read: ['app', 'admin'], write: ['app', 'admin'] });
  for (const user of [MARKUP, TURNED]) {
    await call(server, 'im_open_login_svc/account_import', { UserID: user, Nick: `${TURNED}${MARKUP}` });
  }
  return { ...server, app };
}

test('live calls show hostile ids, bodies and numbers as they were sent', async () => {
  const server = await hostileServer();
  for (const look of [LOOKS[0], LOOKS[3]]) {
    await server.api('DELETE', '/_portraitd/requests');
    const item = (tag, value) => `{"From_Account":"alice","ProfileItem":[{"Tag":"${tag}","Value":${value}}]}`;
    const bodies = [
      [item(BIG, MAX), MAX],
      [item(BIG, BEYOND), BEYOND],
      [item(BIG, '1.0e400'), '1.0e400'],
      [item('Tag_Profile_IM_Nick', '"\\ud800 alone"'), 'alone'],
      [item('Tag_Profile_IM_Nick', `"${'爱'.repeat(5400)}"`), '爱'.repeat(5400)],
      [item('Tag_Profile_IM_Nick', JSON.stringify(MARKUP)), MARKUP],
      [item('Tag_Profile_IM_Nick', JSON.stringify(`${TURNED}__proto__`)), '__proto__'],
      ['{"__proto__":{"polluted":1},"constructor":null,"From_Account":"alice"', 'polluted'],
      [`${'['.repeat(8000)}`, '[['],
    ];
    const opened = await openSafe(`${server.url}/console/#/${server.sdkappid}/calls`, look);
    const { page } = opened;
    await page.locator('.live-dot').waitFor();
    const detail = page.locator('.list-card + .card');
    for (const [place, [body, shown]] of bodies.entries()) {
      await call(server, 'profile/portrait_set', body);
      await page.waitForFunction((count) => document.querySelectorAll('tbody tr').length === count, place + 1);
      await page.locator('tbody tr').first().click();
      await page.waitForFunction((text) => document.querySelector('.list-card + .card').textContent.includes(text), shown);
      assert.equal(await hasMarkup(page), 0);
    }
    // A path, and users, that nobody has.
    await call(server, 'profile/portrait_get', { To_Account: [MARKUP, TURNED], TagList: ['Tag_Profile_IM_Nick'] });
    await page.locator('tbody tr', { hasText: MARKUP }).click();
    await detail.getByText(MARKUP).first().waitFor();
    assert.equal(await page.locator('tbody tr', { hasText: MARKUP }).locator('bdi').count(), 2);
    await call(server, '%3Cscript%3Ealert(1)%3C%2Fscript%3E/..%2f', '{}');
    await page.locator('tbody tr').first().filter({ hasText: '3Cscript' }).click();
    await check(opened);
    assert.equal(await page.evaluate(() => ({}).polluted), undefined);
    await opened.context.close();
  }
});

test('users with hostile ids and nicknames are shown, chosen and changed', async () => {
  const server = await hostileServer();
  for (const look of [LOOKS[1], LOOKS[2]]) {
    const opened = await openSafe(`${server.url}/console/#/${server.sdkappid}/users`, look);
    const { page } = opened;
    const t = textsOf(look.language);
    await page.locator('tbody tr', { hasText: MARKUP }).first().waitFor();
    // Letters that turn the direction of writing are shown by their numbers.
    await page.locator('tbody tr', { hasText: 'U+202EecilaU+202CU+2066' }).last().filter({ hasText: MARKUP }).waitFor();
    assert.equal(await hasMarkup(page), 0);
    await check(opened);
    for (const [place, user] of [MARKUP, TURNED].entries()) {
      await page.locator('tbody tr').filter({ has: page.locator('td:first-child', { hasText: ['<img', 'U+202E'][place] }) }).click();
      await page.getByRole('heading', { level: 2, name: ['<img', 'U+202Eecila'][place] }).waitFor();
      assert.ok(page.url().endsWith(`/users/${encodeURIComponent(user)}`));
      await page.getByRole('textbox', { name: /Big/ }).fill(MAX);
      await page.getByRole('textbox', { name: /Big/ }).press('Control+Enter');
      await Promise.all([
        page.waitForResponse((answer) => answer.request().method() === 'PATCH'),
        page.locator('dialog').getByRole('button', { name: t('save') }).click(),
      ]);
      await page.getByRole('button', { name: t('users.save', { n: 0 }), exact: true }).waitFor();
      const stored = await (await fetch(`${server.url}${server.app}/accounts/${encodeURIComponent(user)}`)).text();
      assert.ok(stored.includes(`"${BIG}":${MAX}`), stored);
      await check(opened);
      await server.api('PATCH', `${server.app}/accounts/${encodeURIComponent(user)}/profile`, { [BIG]: 1 });
    }
    await opened.context.close();
  }
});

test('the explorer sends and shows numbers digit by digit, half letters and 16 KiB as they are', async () => {
  const server = await hostileServer();
  const opened = await openSafe(`${server.url}/console/#v4/profile/portrait_set`);
  const { page } = opened;
  await page.getByRole('tab', { name: 'JSON' }).click();
  const editor = page.locator('.editor textarea');
  const sent = async (body, code) => {
    await server.api('DELETE', '/_portraitd/requests');
    await editor.fill(body);
    await editor.press('Control+Enter');
    const [record] = await server.api('GET', '/_portraitd/requests?count=1&wait_ms=10000');
    assert.equal(record.code, code, body.slice(0, 200));
    await page.locator('main .badge', { hasText: code === 0 ? 'OK' : String(code) }).first().waitFor();
    const raw = await (await fetch(`${server.url}/_portraitd/requests`)).text();
    assert.equal(await hasMarkup(page), 0);
    return raw;
  };
  const item = (tag, value) => `{"From_Account":${JSON.stringify(MARKUP)},"ProfileItem":[{"Tag":"${tag}","Value":${value}}]}`;
  assert.ok((await sent(item(BIG, MAX), 0)).includes(MAX));
  assert.ok((await (await fetch(`${server.url}${server.app}/accounts/${encodeURIComponent(MARKUP)}`)).text()).includes(MAX));
  assert.ok((await sent(item(BIG, BEYOND), 40605)).includes(BEYOND));
  await page.getByText('item 1').first().waitFor();
  await sent(item('Tag_Profile_IM_Nick', '"\\udfff"'), 60003);
  await sent(item('Tag_Profile_IM_Nick', `"${'x'.repeat(16_300)}"`), 40601);
  await sent(item('Tag_Profile_IM_Nick', JSON.stringify(`${TURNED}${MARKUP}`)), 0);
  await check(opened);
  // The form shows the same body.
  await page.getByRole('tab', { name: 'Form' }).click();
  assert.equal(await hasMarkup(page), 0);
  await check(opened);
});

/** Serves pages of another origin; ends after the file's tests. */
async function serverOf(answer) {
  const other = createServer(answer);
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
  after(() => {
    other.closeAllConnections();
    other.close();
  });
  return `http://127.0.0.1:${other.address().port}`;
}

test('a page of another origin can neither frame the console nor make a call for its user', async () => {
  const server = await dev();
  const html = `<!doctype html><title>other</title><iframe src="${server.url}/console/"></iframe>`;
  const other = await serverOf((_, response) => response.setHeader('Content-Type', 'text/html').end(html));
  const { context } = await open(`${server.url}/console/`);
  const page = await context.newPage();
  const blocked = page.waitForEvent('console', (message) => /frame-ancestors|X-Frame-Options/.test(message.text()));
  await page.goto(other);
  await blocked;
  assert.ok(!page.frames().some((frame) => frame.url().startsWith(server.url)), 'framed');

  // What a browser sends without asking the server first.
  const blind = await page.evaluate(async (url) => {
    const post = (path, body) => fetch(url + path, { method: 'POST', mode: 'no-cors', body }).then(() => 'sent', () => 'failed');
    return [await post('/admin/v1/apps', '{"sdkappid":7}'), await post('/admin/v1/apps/1400000000/keys', '{}')];
  }, server.url);
  // Sent, refused, and the answer is kept from the page.
  assert.deepEqual(blind, ['failed', 'failed']);
  const apps = await server.api('GET', '/admin/v1/apps');
  assert.deepEqual(apps.map((app) => [app.sdkappid, app.keys.length]), [[server.sdkappid, 1]]);
  const read = await page.evaluate((url) => fetch(`${url}/admin/v1/apps`).then(() => 'read', () => 'refused'), server.url);
  assert.equal(read, 'refused');
  await context.close();
});

test('the console works below a path of a proxy', async () => {
  const server = await dev();
  const { hostname, port } = new URL(server.url);
  const proxy = await serverOf((incoming, outgoing) => {
    const path = /^\/prefix(\/.*)$/.exec(incoming.url)?.[1];
    if (!path) return outgoing.writeHead(404).end();
    const passed = request({ hostname, port, path, method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    return incoming.pipe(passed);
  });
  // A browser that comes without the final part is led to it, below the prefix.
  for (const path of ['/prefix/', '/prefix/console', '/prefix/api-test.html']) {
    const answer = await fetch(proxy + path, { headers: { Accept: 'text/html' } });
    assert.equal(answer.url, `${proxy}/prefix/console/`);
  }
  const opened = await openSafe(`${proxy}/prefix/console/#v4/profile/portrait_set`);
  const { page } = opened;
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('main .badge.good', { hasText: 'OK' }).waitFor();
  const [record] = await server.api('GET', '/_portraitd/requests');
  assert.deepEqual([record.command, record.code], ['portrait_set', 0]);
  await page.locator('nav.side').getByRole('link', { name: 'Live calls' }).click();
  await page.locator('.live-dot').waitFor();
  await setNick(server, 'through the proxy');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
  await page.locator('nav.side').getByRole('link', { name: 'Users', exact: true }).click();
  await page.locator('tbody tr', { hasText: 'through the proxy' }).waitFor();
  await check(opened);
});

test('no path below /console/ leads out of it', async () => {
  const server = await dev();
  const { hostname, port } = new URL(server.url);
  // As it stands: fetch and browsers would put the path in order first.
  const get = (path, headers = {}) => new Promise((resolve, reject) => {
    request({ hostname, port, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve({ status: answer.statusCode, text }));
    }).on('error', reject).end();
  });
  const release = /\/console\/([0-9a-f]{8})\/|"([0-9a-f]{8})\//.exec((await get('/console/')).text)?.slice(1).find(Boolean);
  assert.ok(release);
  assert.equal((await get(`/console/${release}/app.js`)).status, 200);
  const paths = [
    '/console/../admin/v1/apps', '/console/%2e%2e/admin/v1/apps', `/console/${release}/../../admin/v1/apps`,
    `/console/${release}/..%2f..%2fadmin%2fv1%2fapps`, `/console/${release}/%2e%2e/%2e%2e/etc/passwd`, '/console/../../../../etc/passwd',
    `/console/${release}//etc/passwd`, `/console/${release}/app.js%00.css`, `/console/${release}/pages/../app.js`, '/console/..%5cadmin',
    `/console/${release}/`, `/console/${release}`,
  ];
  for (const path of paths) {
    const { status, text } = await get(path);
    assert.ok(status >= 400 || JSON.parse(text).ErrorCode > 0, `${path}: ${status} ${text.slice(0, 200)}`);
    assert.ok(!text.includes('root:') && !text.includes('sdkappid"'), path);
  }
});
