// What the console may cost: bytes of the first view, and requests of an idle page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev, go, open, openAs, serve } from './support.js';

const FIRST_VIEW_BYTES_MAX = 61 << 10;
const MINUTES = 5;
/** One in five seconds. */
const REQUESTS_MAX = MINUTES * 12;
const PAGES = ['explorer', 'calls', 'usersig', 'inbox', 'faults', 'connect', 'users', 'fields', 'words', 'keys', 'settings', 'webhook', 'transfer', 'overview', 'apps', 'tokens', 'audit', 'backup'];
const DEV_PAGES = ['calls', 'inbox', 'faults', 'connect'];

test('the first view takes at most 61 KiB, with the answers of the API and all headers', async () => {
  const { url } = await dev();
  for (const language of ['en', 'zh']) {
    const { page, context } = await open('about:blank', { language });
    // The tests' own look at each request would hide what the network carried.
    await page.unrouteAll();
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    let bytes = 0;
    session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${url}/console/`);
    await page.locator('main button.primary').waitFor();
    await page.waitForLoadState('load');
    assert.ok(bytes > 10_000 && bytes <= FIRST_VIEW_BYTES_MAX, `${language}: ${bytes} bytes`);
    await context.close();
  }
});

for (const [mode, start] of Object.entries({ dev, serve })) {
  test(`${mode}: an idle page makes at most one request in five seconds, and a hidden one none`, async () => {
    const server = await start();
    const opened = mode === 'dev' ? await open(`${server.url}/console/`) : await openAs(server, '#/1400000000/users');
    const { page } = opened;
    await page.locator('main h1').waitFor();
    await page.clock.install();
    // What is asked for while the page is hidden, noted where it is asked: the browser tells of a request only later.
    await page.evaluate(() => {
      const { fetch } = window;
      window.askedHidden = [];
      window.fetch = (...request) => {
        if (document.hidden) window.askedHidden.push(String(request[0]));
        return fetch(...request);
      };
    });
    const pending = new Set();
    page.on('request', (request) => request.url().includes('/live') || pending.add(request));
    for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => pending.delete(request));
    /** Winds the clock on. A reading that is not over is not begun again, so each may end. */
    const pass = async (seconds) => {
      for (let second = 0; second < seconds; second += 5) {
        await page.clock.runFor(5000);
        while (pending.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    for (const name of PAGES.filter((name) => mode === 'dev' || !DEV_PAGES.includes(name))) {
      await go(opened, `#/1400000000/${name}`);
      await page.clock.runFor(1000);
      const made = [];
      const note = (request) => made.push(new URL(request.url()).pathname);
      page.on('request', note);
      await pass(MINUTES * 60);
      assert.ok(made.length <= REQUESTS_MAX, `${name}: ${made.length} requests, ${[...new Set(made)]}`);
      if (name === 'overview') assert.ok(made.length > MINUTES, `the overview is read again: ${made.length}`);
      await page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: true, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
      page.off('request', note);
      await pass(60);
      assert.deepEqual(await page.evaluate(() => window.askedHidden), [], `${name}, hidden`);
      await page.evaluate(() => {
        Object.defineProperty(document, 'hidden', { value: false, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      });
    }
    assert.deepEqual(opened.problems, []);
  });
}
