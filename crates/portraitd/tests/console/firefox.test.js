// The main journeys in Debian's Firefox, driven by WebDriver BiDi: playwright knows its own Firefox only.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { profile } from './explorer_page.js';
import { setNick } from './public.js';
import { AXE, dev, fileOf } from './support.js';
import { textsOf } from './texts.js';

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

let browser;
after(() => browser?.close());

/** Opens a page, with a list of what is wrong with it: console errors, reports of its policy, requests to another host. */
async function open(address) {
  browser ??= await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, defaultViewport: { width: 1280, height: 900 } });
  const page = await browser.newPage();
  const problems = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`error: ${error.stack}`));
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.setRequestInterception(true);
  const answer = (request) => {
    const url = request.url();
    const file = fileOf(url);
    if (file) return request.respond({ contentType: file.contentType, body: readFileSync(file.path) });
    if (url.startsWith(`${new URL(address).origin}/`) || url.startsWith('data:')) return request.continue();
    problems.push(`request: ${url}`);
    return request.abort();
  };
  // The console goes on asking until its page is closed.
  page.on('request', (request) => answer(request).catch((error) => page.isClosed() || problems.push(`${error}`)));
  await page.goto(address);
  return { page, problems };
}

/** Waits for an element that begins with a text, or is that text alone when `whole`. */
const having = (page, selector, text, whole = false) => page.waitForFunction(
  (selector, text, whole) => [...document.querySelectorAll(selector)].find(({ textContent: found }) => (whole ? found === text : found.startsWith(text))),
  {}, selector, text, whole);
const badge = (page, text) => having(page, 'section.card .body .badge', text, true);
const click = async (page, selector, text) => (await having(page, selector, text)).click();

/** What every journey ends with: no problem, nothing that axe finds, no sideways scroll. */
async function check({ page, problems }) {
  assert.deepEqual(problems, []);
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`)));
  assert.deepEqual(found, []);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than its window');
}

/** Changes the page's language and theme to Chinese and dark, as a user does. */
async function chineseAndDark(page) {
  await click(page, 'header.top button', '中文');
  await page.waitForSelector('html[lang=zh-CN]');
  if (await page.$('html[data-theme=light]')) await click(page, 'header.top button', '☾');
  await page.waitForSelector('html[data-theme=dark]');
}

test('Firefox: a first set, a mistake put right with a click, and both in the live list', async () => {
  const server = await dev();
  const { page, problems } = await open(`${server.url}/api-test.html#v4/profile/portrait_set`);
  const t = textsOf('en');
  await having(page, '[aria-current=true]', 'portrait_set');
  await click(page, 'button', t('explorer.send'));
  await badge(page, 'OK');
  assert.equal((await profile(server, 'alice')).Tag_Profile_IM_Nick, 'Alice Liddell');
  await page.locator(`select[aria-label="${t('explorer.example')}"]`).fill('set_client_name');
  await click(page, 'button', t('explorer.send'));
  await badge(page, '40009');
  await click(page, 'button', t('explorer.repair.tag', { tag: 'Tag_Profile_IM_Image' }));
  await badge(page, 'OK');
  await click(page, 'nav.side a', t('page.calls'));
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 3);
  // One that comes while the list is open.
  await setNick(server, '爱丽丝 <b>"x"</b>');
  await click(page, 'main tbody tr', '4');
  await page.waitForFunction(() => document.querySelector('.list-card + .card')?.textContent.includes('爱丽丝 <b>'));
  await check({ page, problems });
  await page.close();
});

test('Firefox: in Chinese and dark, a UserSig is made and checked', async () => {
  const server = await dev();
  const { page, problems } = await open(`${server.url}/console/#/${server.sdkappid}/usersig`);
  const t = textsOf('zh');
  await chineseAndDark(page);
  await having(page, 'h1', t('page.usersig'));
  await click(page, 'button', t('usersig.make.action'));
  const made = await (await having(page, '[role=status] pre', 'eJ')).evaluate((element) => element.textContent);
  for (const [text, code] of [[made, 'OK'], [made.slice(0, -9), '70003'], [`${server.url}/?usersig=${server.usersig}`, 'OK']]) {
    await page.locator('textarea.code').fill(text);
    await click(page, 'button', t('usersig.check.action'));
    await badge(page, code);
  }
  await check({ page, problems });
  await page.close();
});

test('Firefox: every page opens, in English and light, and in Chinese and dark', async () => {
  const { page, problems } = await open(`${(await dev()).url}/console/`);
  for (const look of [(page) => page.waitForSelector('html[lang=en][data-theme=light]'), chineseAndDark]) {
    await page.waitForSelector('nav.side a');
    await look(page);
    const links = await page.$$eval('nav.side a', (all) => all.map((link) => link.getAttribute('href')));
    assert.equal(links.length, 18);
    for (const link of links) {
      await page.click(`nav.side a[href="${link}"]`);
      await page.waitForSelector(`nav.side a[aria-current=page][href="${link}"]`);
      await page.waitForFunction(() => document.querySelector('main h1')?.textContent.startsWith(document.title.split(' · ')[0]));
      await check({ page, problems });
    }
  }
  await page.close();
});

test('Firefox: the policy lets no markup in and no other host be asked, and what it refuses is noticed', async () => {
  const { page, problems } = await open(`${(await dev()).url}/console/`);
  await page.waitForSelector('nav.side a');
  assert.deepEqual(problems, []);
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<i>markup</i>';
      return false;
    } catch {
      return true;
    }
  });
  assert.ok(refused);
  await page.evaluate(() => new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', resolve);
    fetch('http://127.0.0.2:9/').catch(() => {});
  }));
  for (const part of ['trusted-types-sink', 'connect-src']) {
    assert.ok(problems.some((one) => one.startsWith('console: policy:') && one.includes(part)), String(problems));
  }
  await page.close();
});
