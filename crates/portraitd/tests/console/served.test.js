// What is served is what was reviewed: each file means the same as its source, which has comments and indentation besides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'acorn';
import { sources } from './modules.js';
import { dev } from './support.js';

/** The syntax tree of a module, without the places of its parts. @param {string} text */
function tree(text) {
  const parsed = parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
  return JSON.stringify(parsed, (name, value) => (name === 'start' || name === 'end' ? undefined : typeof value === 'bigint' ? `${value}n` : value));
}

/** The rules of a style sheet. @param {string} text */
const rules = (text) => text.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').trim();

test('every file that is served means what its source does', async (context) => {
  const { url } = await dev();
  const page = await (await fetch(`${url}/console/`)).text();
  const [release] = /[0-9a-f]{8}(?=\/app\.js)/.exec(page);
  const served = async (/** @type {string} */ path) => (await fetch(`${url}/console/${release}/${path}`)).text();
  const scripts = await Promise.all(sources('.js').map(async ({ path, text }) => ({ path, text, sent: await served(path) })));
  for (const { path, text, sent } of scripts) {
    assert.ok(tree(sent) === tree(text), path); // an equal() would print both
    // A line has the same number in both, so that an error's place is found.
    assert.equal(sent.split('\n').length, text.split('\n').length, path);
    assert.doesNotMatch(sent.replace(/`[^`]*`/g, ''), /^\s*\/\//m, path);
  }
  const [style] = sources('.css');
  assert.equal(rules(await served(style.path)), rules(style.text));
  await context.test('a changed indentation, text or sign is seen', () => {
    const { text, sent } = scripts.find((one) => one.text.includes("title: 'Python'"));
    for (const [from, to] of [['\n    ', '\n'], ["'Python'", "'python'"], ['!==', '===']]) {
      assert.ok(sent.includes(from), from);
      assert.ok(tree(sent.replace(from, to)) !== tree(text), from);
    }
  });
});
