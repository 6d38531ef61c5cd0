// What the journeys share: a portraitd of their own, a browser, and a page that fails when anything is wrong with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

const PORTRAITD = process.env.PORTRAITD_BIN;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** A directory with the console's files, to try them before they are embedded. */
const FILES = process.env.CONSOLE_FILES;
/** The source of axe. */
export const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Every look that a journey can have. */
export const LOOKS = ['en', 'zh'].flatMap((language) => ['light', 'dark'].map((theme) => ({ language, theme })));

assert.ok(PORTRAITD, 'PORTRAITD_BIN names the binary to test; scripts/console-test sets it');

let browser;
/** What ends the servers. @type {(() => Promise<void>)[]} */
const stops = [];
/** @type {string[]} */
const directories = [];
after(async () => {
  await browser?.close();
  await Promise.all(stops.map((stop) => stop()));
  for (const made of directories) rmSync(made, { recursive: true });
});

/** A new directory, which is removed after the file's tests, when the servers have ended. */
export function directory() {
  directories.push(mkdtempSync(join(tmpdir(), 'portraitd-console-')));
  return directories.at(-1);
}

/** Starts `portraitd dev` on free ports, and ends it after the file's tests. @param {string[]} options */
export async function dev(options = [], listen = '127.0.0.1:0') {
  const child = spawn(PORTRAITD, ['dev', '--listen', listen, '--json', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const info = JSON.parse(await firstLine(child));
  return running(child, info);
}

/**
 * Starts `portraitd serve` on a new data directory, with one app unless it is to be `empty`.
 * @param {Record<string, string>} [env] settings @param {{ empty?: boolean }} [how]
 */
export async function serve(env = {}, { empty = false } = {}) {
  const data = directory();
  const key = empty ? null : (await run(['app', 'create', '1400000000', '--data', data])).trim().split('\n').at(-1);
  const child = spawn(PORTRAITD, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--log-format', 'json'], { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ...env } });
  const { url, admin_url: admin } = JSON.parse(await firstLine(child, child.stderr));
  child.stderr.resume();
  const token = readFileSync(join(data, 'admin.token'), 'utf8').trim();
  return running(child, { url: admin, public: url, data, token, key });
}

/** Runs a command to its end, and returns what it prints. @param {string[]} words @param {object} [options] as of `spawn` */
export async function run(words, { program = PORTRAITD, ...options } = {}) {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], ...options, env: { ...process.env, PORTRAITD_SERVER_LANGUAGE: 'en' } });
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, `portraitd ${words.join(' ')}`);
  return text;
}

async function firstLine(child, stream = child.stdout) {
  const lines = createInterface({ input: stream });
  const ended = new Promise((_, reject) => child.on('close', (code) => reject(new Error(`portraitd ended with ${code}`))));
  for await (const line of lines) if (line.includes('url')) return Promise.race([line, ended]);
  return ended;
}

function running(child, info) {
  const stop = () => new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.on('close', resolve);
    child.kill('SIGTERM');
  });
  stops.push(stop);
  const fetchJson = async (method, path, body) => {
    const headers = info.token ? { Authorization: `Bearer ${info.token}` } : {};
    const answer = await fetch(info.url + path, { method, headers, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  return { ...info, stop, child, api: fetchJson };
}

/** What is on the disk for an address of the console, when `CONSOLE_FILES` names a directory. @param {string} url */
export function fileOf(url) {
  const found = FILES && /\/console\/[0-9a-f]{8}\/(.*)$/.exec(url);
  if (!found) return null;
  return { path: join(FILES, found[1]), contentType: url.endsWith('.css') ? 'text/css' : url.endsWith('.svg') ? 'image/svg+xml' : 'text/javascript' };
}

/**
 * Opens a page, which fails the test on a console error, a report of its policy or a request to another origin. Expected
 * errors (a call that is refused on purpose) are named in `expected`.
 * @param {string} address @param {{ language?: string, theme?: string, width?: number, expected?: RegExp, context?: object }} [look]
 */
export async function open(address, { language = 'en', theme = 'light', width = 1280, expected, context } = {}) {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const origin = new URL(address).origin;
  context ??= await browser.newContext({ viewport: { width, height: 900 }, locale: language === 'zh' ? 'zh-CN' : 'en-US', colorScheme: theme, timezoneId: 'Asia/Shanghai' });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected?.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.stack}`));
  await page.route('**/*', (route) => {
    const url = route.request().url();
    const file = fileOf(url);
    if (file) return route.fulfill(file);
    if (url.startsWith(`${origin}/`) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
    problems.push(`request: ${url}`);
    return route.abort();
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(address);
  return { page, context, problems };
}

/**
 * Opens a page of a server's app, signed in with a token.
 * @param {object} server @param {string} path @param {object} [look] as of `open`; `token`: another than the server's
 */
export async function openAs(server, path, { token = server.token, ...look } = {}) {
  const answer = await fetch(`${server.url}/admin/v1/login-link`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  const { ticket } = await answer.json();
  const opened = await open(`${server.url}/console/#login=${ticket}`, look);
  await opened.page.locator('nav.side').waitFor({ state: 'attached' });
  await go(opened, path);
  return opened;
}

/** Goes to a page of the console, and waits until it is there. @param {string} path as `#/1400000000/users` */
export async function go({ page }, path) {
  await page.evaluate((hash) => (location.hash = hash), path);
  await page.locator(`nav.side a[aria-current=page][href$="${path.split('/')[2]}"]`).waitFor({ state: 'attached' });
  // The page before it stays until this one is loaded.
  await page.waitForFunction(() => document.querySelector('main h1')?.textContent.startsWith(document.title.split(' · ')[0]));
}

/** What every journey ends with: no problem, nothing that axe finds, no sideways scroll. */
export async function check({ page, problems }) {
  assert.deepEqual(problems, []);
  assert.deepEqual(await axe(page), []);
  const { wide, seen } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, seen: innerWidth }));
  assert.ok(wide <= seen, `the page is ${wide} px wide in a window of ${seen}`);
}

/** Runs axe. The page's policy blocks script tags, so it comes in through the debugger. */
async function axe(page) {
  // A colour on its way to another is neither.
  await page.evaluate(async () => { await Promise.allSettled(document.getAnimations().map((animation) => animation.finished)); });
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE });
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const expression = `axe.run(document, { runOnly: ${JSON.stringify(rules)} }).then((found) => JSON.stringify(found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.target + ' ' + node.failureSummary).join(' | '))))`;
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true });
  assert.equal(exceptionDetails, undefined);
  return JSON.parse(result.value);
}
