// What can be told of the console without a browser: numbers, texts, programs, and what of the server it reaches.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load, sources } from './modules.js';
import { dev, run } from './support.js';

const { parse, pretty, problem, stringify, tokens, tryParse } = await load('ui/json.js');
/** @type {Record<'en' | 'zh', Record<string, string | Function>>} */
const TEXTS = { en: (await load('i18n/en.js')).default, zh: (await load('i18n/zh.js')).default };
const SOURCES = sources('.js').filter(({ path }) => !/^i18n\/(en|zh)\.js$/.test(path));

/** Texts that have broken programs which put them into other texts. */
const HOSTILE = [
  '', ' ', '爱丽丝 O\'Neil "x" \\ $y', '`id` $(id) ${id} #{id} %PATH% !! {{x}}', '"""', "'''", '\\', '\\\\', '"', "'", '`', '\\u0041 \\n \\x41 \\101',
  'a\nb\r\nc\td', '\u0000\u0007\u001b[31m\u007f', '\u2028\u2029\u202e\u2066\ufeff\u200b', '\u{1f600}\u{10ffff}', '</script><img src=x onerror=alert(1)>',
  '?>', '<?php', '*/', '//', '__proto__', 'number:1-2-3-4:12345678901234567890', '-', '@file', 'EOF\n', '%n%s', '$',
];

test('JSON keeps every number and every text', () => {
  for (const number of ['18446744073709551615', '-9223372036854775808', '9007199254740993', '9007199254740991', '0', '-1']) {
    assert.equal(stringify(parse(number)), number);
    assert.equal(stringify(parse(`{"a":[${number}]}`)), `{\n  "a": [\n    ${number}\n  ]\n}`);
  }
  assert.equal(parse('18446744073709551615'), 18446744073709551615n);
  assert.equal(parse('7'), 7);
  for (const form of ['1.0', '1e3', '-0', '0.10', '1E+2']) {
    assert.equal(stringify(parse(`[${form}]`, true)), `[\n  ${form}\n]`);
    assert.equal(stringify(parse(`[${form}, 18446744073709551615]`, true)), `[\n  ${form},\n  18446744073709551615\n]`);
  }
  for (const text of HOSTILE) {
    // The great number has the text go through the marks that keep it.
    const json = JSON.stringify({ [text]: text, great: 1 }).replace(/1}$/, '18446744073709551615}');
    assert.deepEqual(Object.entries(parse(json)).filter(([key]) => key !== 'great'), [[text, text]].filter(([key]) => Object.hasOwn(JSON.parse(json), key)));
    assert.equal(stringify(parse(stringify(parse(json)))), stringify(parse(json)));
    assert.equal(tokens(json).map((token) => token.text).join(''), json);
    assert.equal(tokens(text).map((token) => token.text).join(''), text);
    assert.equal(JSON.parse(stringify(text)), text);
  }
  // Digits in a text are no number.
  assert.equal(parse('"12345678901234567890"'), '12345678901234567890');
  assert.equal(parse('"\\"12345678901234567890"'), '"12345678901234567890');
});

test('what is no JSON stays as it is, and its line is named', () => {
  for (const text of ['', '{', 'UserID=alice', '[1,]', '{"a":18446744073709551615,}']) {
    assert.equal(tryParse(text), undefined);
    assert.equal(pretty(text), text);
    assert.ok(problem(text));
  }
  assert.equal(problem('{"a": [1, 18446744073709551615]}'), null);
  assert.equal(pretty('{"b":1,"a":[]}'), '{\n  "b": 1,\n  "a": []\n}');
  assert.equal(problem('{\n  "a": 1,\n  b\n}').line, 3);
  assert.equal(problem('{\n  "a": [\n    1,\n  ]\n}').line, 4);
  assert.equal(problem('x').line, 1);
  assert.equal(problem('{\n"a": 1\n').line, 3);
  // Whatever sign is lost or added, the line is the one that the parser names, where it names one.
  const whole = stringify({ a: ['x', 1.5, null], b: { c: '\\ "', d: [] }, e: true });
  let named = 0;
  for (let at = 0; at <= whole.length; at += 1) {
    for (const sign of ['', ',', '"', '}', ']', ':', '0', '\n', '-', 'x', '\\', '{']) {
      for (const text of [whole.slice(0, at) + sign + whole.slice(at), whole.slice(0, at) + sign + whole.slice(at + 1)]) {
        const wrong = problem(text);
        const position = wrong && /position (\d+)/.exec(wrong.message);
        if (!position) continue;
        named += 1;
        // A text that does not end begins to be wrong where it begins.
        const line = text.slice(0, Number(position[1])).split('\n').length;
        assert.ok(wrong.line === line || (/string literal|Unterminated|escape/.test(wrong.message) && wrong.line <= line), `${text}\n${wrong.message}: ${wrong.line}`);
      }
    }
  }
  assert.ok(named > 1000);
  assert.deepEqual(tokens('{"a": "b", "c": -1.5e3, "d": null}').filter(({ kind }) => kind).map(({ kind }) => kind),
    ['key', 'string', 'key', 'number', 'key', 'word']);
});

test('a program holds what was typed as text, and nothing of it as code', async () => {
  const { SNIPPETS } = await load('pages/explorer/snippets/all.js');
  assert.deepEqual(SNIPPETS.map(({ id }) => id), ['curl', 'php', 'java', 'go', 'node', 'python']);
  const call = { server: 'http://127.0.0.1:1', path: '/v4/x', app: 1400000000, identifier: 'id', usersig: 'sig', environment: false, body: 'body' };
  /** The texts that a language reads in a program, by the simplest reading of its literals. */
  const unquoted = {
    curl: (word) => word.replaceAll("'\\''", "'").slice(1, -1),
    php: (word) => word.slice(1, -1).replace(/\\(['\\])/g, '$1'),
  };
  for (const { id, write } of SNIPPETS) {
    for (const text of HOSTILE) {
      const program = write({ ...call, identifier: text, body: text });
      // No sign that hides or turns what follows it.
      if (['go', 'node', 'python', 'java'].includes(id)) assert.doesNotMatch(program, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069\ufeff]/, id);
      if (id === 'java') assert.match(program, /^[\n -~]*$/, id);
      if (unquoted[id]) {
        const literal = { curl: /--data-raw ('[^]*')\n$/, php: /\$body = ('[^]*?(?<!\\)(?:\\\\)*');/ }[id].exec(program);
        assert.equal(unquoted[id](literal[1]), text, `${id}: ${JSON.stringify(text)}`);
      }
    }
    assert.ok(!write({ ...call, usersig: null }).includes('usersig'), `${id}: a UserSig that is left out`);
    const environment = write({ ...call, usersig: 'SECRET', environment: true });
    assert.match(environment, /PORTRAITD_USERSIG/, id);
    assert.doesNotMatch(environment, /SECRET/, id);
  }
});

test('a JavaScript program has the very texts', async () => {
  const { node } = await load('pages/explorer/snippets/node.js');
  for (const text of HOSTILE) {
    const program = node.write({ server: 'http://127.0.0.1:1', path: '/v4/x', app: 7, identifier: text, usersig: text, environment: false, body: text });
    const calls = [];
    const async = new (Object.getPrototypeOf(async () => {}).constructor)('fetch', 'console', program);
    await async(async (url, options) => { calls.push([new URL(url), options]); return new Response('{}'); }, { log() {} });
    const [[url, { body, method }]] = calls;
    assert.deepEqual([url.searchParams.get('identifier'), url.searchParams.get('usersig'), method], [text, text, 'POST']);
    assert.equal(body, text, JSON.stringify(text));
  }
});

/** The values that a text of a language wants. @param {string | Function} text */
function placeholders(text) {
  const names = typeof text === 'function'
    ? (/\(\{([^}]*)\}\)/.exec(String(text))?.[1] ?? '').split(',').map((name) => name.trim()).filter(Boolean)
    : [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  return [...new Set(names)].sort();
}

/** Where the bracket that opens at a place closes. @param {string} text @param {number} from */
function closing(text, from) {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if ('([{'.includes(text[at])) depth += 1;
    if (')]}'.includes(text[at]) && (depth -= 1) === 0) return at;
  }
  throw new Error(`no end: ${text.slice(from, from + 80)}`);
}

test('both languages have the same keys and the same placeholders', () => {
  assert.deepEqual(Object.keys(TEXTS.zh), Object.keys(TEXTS.en));
  for (const key of Object.keys(TEXTS.en)) assert.deepEqual(placeholders(TEXTS.zh[key]), placeholders(TEXTS.en[key]), key);
  // Nothing is said twice: the later of two equal keys would win without a word.
  for (const language of ['en', 'zh']) {
    const [{ text }] = sources(`i18n/${language}.js`);
    const keys = [...text.matchAll(/^ {2}'([^']+)':/gm)].map((match) => match[1]);
    assert.equal(new Set(keys).size, keys.length, language);
  }
});

test('English has no Chinese, and Chinese no untranslated sentence', () => {
  for (const [key, text] of Object.entries(TEXTS.en)) assert.doesNotMatch(String(text), /[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]/, key);
  for (const [key, text] of Object.entries(TEXTS.zh)) {
    const words = String(text).match(/[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}/);
    assert.equal(words && /\p{Script=Han}/u.test(String(text)) ? null : words, null, key);
  }
});

test('every text is used, and every text that is used is there', () => {
  const keys = Object.keys(TEXTS.en);
  const sections = new Set(keys.filter((key) => key.includes('.')).map((key) => key.split('.')[0]));
  const literals = new Set(), starts = new Set(), forms = [];
  for (const { path, text } of SOURCES) {
    const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    for (const [, literal] of code.matchAll(/'([\w.]+)'/g)) {
      literals.add(literal);
      if (/[._]$/.test(literal)) starts.add(literal);
      const isKey = literal.includes('.') && sections.has(literal.split('.')[0]) && !/\.(js|svg|css|json|jsonl|csv|html|toml|\d+)$|[._]$/.test(literal) && !literal.startsWith('portraitd.');
      if (isKey) assert.ok(keys.includes(literal), `${path}: ${literal}`);
    }
    for (const [, literal] of code.matchAll(/\bt\('([^']+)'/g)) assert.ok(keys.includes(literal), `${path}: ${literal}`);
    for (const [, template] of code.matchAll(/\bt\((?:\/\*\*.*?\*\/ )?\(?`([^`]+)`/g)) {
      const form = new RegExp(`^${template.split(/\$\{[^}]*\}/).map((part) => part.replaceAll('.', '\\.')).join('[\\w.-]+?')}$`);
      assert.ok(keys.some((key) => form.test(key)), `${path}: ${template}`);
      forms.push(form);
    }
  }
  const unused = keys.filter((key) => !literals.has(key) && !forms.some((form) => form.test(key)) && ![...starts].some((start) => key.startsWith(start)));
  assert.deepEqual(unused, []);
});

test('every text gets the values that it wants', () => {
  for (const { path, text } of SOURCES) {
    for (const match of text.matchAll(/\bt\('([^']+)'/g)) {
      const given = text.slice(match.index + match[0].length, closing(text, match.index + 1));
      for (const name of placeholders(TEXTS.en[match[1]])) {
        if (given !== '' && !given.startsWith(', {')) continue; // values that were put together before
        assert.match(given, new RegExp(`\\b${name}\\b`), `${path}: ${match[1]} without ${name}`);
      }
    }
  }
});

/** Every request that the functions of api.js make: the function's name, the method and the path. */
async function requests() {
  const api = await load('api.js');
  const made = [];
  let name;
  globalThis.fetch = async (path, { method }) => {
    made.push({ name, method, path: `/${path.replace(/^\/?/, '').split('?')[0]}` });
    return new Response('{}');
  };
  for (const [each, value] of Object.entries(api)) {
    if (typeof value !== 'function' || ['ApiError', 'request'].includes(each)) continue;
    name = each;
    // A number stands for every argument: an app, a part of a path, a body or nothing to filter by.
    await value(7, 7, 7);
  }
  return made;
}

test('every operation of the server is on a page, or it is said why not', async (context) => {
  const elsewhere = JSON.parse(readFileSync(new URL('not-in-console.json', import.meta.url), 'utf8'));
  const { url, stop } = await dev();
  const { paths } = JSON.parse(await run(['openapi', 'admin']));
  const { resources } = await (await fetch(`${url}/_portraitd/`)).json();
  const operations = [
    ...Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)),
    ...resources.map(({ method, path }) => `${method} ${path}`),
  ];
  await stop();
  assert.ok(operations.length > 60, 'the operations are listed');
  const made = await requests();
  const matches = (operation, { method, path }) => {
    const [wanted, template] = operation.split(' ');
    return wanted === method && new RegExp(`^${template.replace(/\{\w+\}/g, '7')}$`).test(path);
  };
  const others = SOURCES.filter(({ path }) => path !== 'api.js').map(({ text }) => text).join('\n');
  const isUsed = (name) => new RegExp(`\\bapi\\.${name}\\b|import \\{[^}]*\\b${name}\\b[^}]*\\} from '[./]*api\\.js'`).test(others);
  await context.test('no function is left over', () => assert.deepEqual([...new Set(made.map(({ name }) => name))].filter((name) => !isUsed(name)), []));
  await context.test('each request is for an operation', () =>
    assert.deepEqual(made.filter((one) => !operations.some((operation) => matches(operation, one))), []));
  await context.test('the type of each answer is that of the operation', () => {
    const { text } = SOURCES.find(({ path }) => path === 'api.js');
    const typed = Object.fromEntries([...text.matchAll(/Answer<'(\w+)'(?:, \d+)?>\} \*\/\nexport const (\w+)/g)].map(([, id, name]) => [name, id]));
    assert.ok(Object.keys(typed).length > 30);
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { operationId }] of Object.entries(methods)) {
        const names = made.filter((one) => one.name in typed && matches(`${method.toUpperCase()} ${path}`, one)).map(({ name }) => name);
        for (const name of names) assert.equal(typed[name], operationId, name);
      }
    }
  });
  await context.test('each operation is called or explained', () => {
    const missing = operations.filter((operation) => !made.some((one) => isUsed(one.name) && matches(operation, one)));
    assert.deepEqual(missing.sort(), Object.keys(elsewhere).sort());
  });
});

test('every operation that the audit log notes has words', async () => {
  const { OPERATIONS, words } = await load('pages/audit/words.js');
  const { paths } = JSON.parse(await run(['openapi', 'admin']));
  const noted = Object.entries(paths).filter(([path]) => path.startsWith('/admin/v1/')).flatMap(([path, methods]) =>
    Object.keys(methods).filter((method) => method !== 'get').map((method) => `${method.toUpperCase()} ${path.replace('/admin/v1', '').replace(/\{\w+\}/g, '*')}`));
  assert.ok(noted.length > 20);
  assert.deepEqual(OPERATIONS.map(([operation]) => operation).sort(), noted.sort());
  assert.equal(words({ method: 'DELETE', resource: '/apps/1400000000/keys/2' }), 'revoked key 2');
  assert.equal(words({ method: 'PUT', resource: '/apps/1400000000/admins/%E7%88%B1%2F%25' }), 'made 爱/% an App admin');
  assert.equal(words({ method: 'PUT', resource: '/apps/1400000000/admins/%' }), 'made % an App admin');
  for (const resource of ['', '/apps/1/keys/2/more', '/apps/1/other', '/apps//keys']) assert.equal(words({ method: 'POST', resource }), '');
});

test('the key that is proposed for replacing is the oldest', async () => {
  const { oldestFirst } = await load('pages/keys/oldest.js');
  const key = (id, created_ms) => ({ id, last4: '', created_ms });
  const order = (keys, used = {}) => oldestFirst(keys, ({ id }) => used[id] ?? null).map(({ id }) => id);
  assert.deepEqual(order([key(1, 200), key(2, 100)]), [2, 1]);
  assert.deepEqual(order([key(1, 200), key(2, null)]), [2, 1], 'of unknown age: older than all of known');
  assert.deepEqual(order([key(1, null), key(2, null)], { 1: 900, 2: 800 }), [2, 1]);
  assert.deepEqual(order([key(1, null), key(2, null)], { 1: 900 }), [2, 1], 'not used at all');
  assert.deepEqual(order([key(2, null), key(1, null)]), [1, 2]);
  assert.deepEqual(order([]), []);
});

test('no source makes markup or code of text, styles by attribute, or calls past api.js', () => {
  const banned = [
    [/innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|createContextualFragment|DOMParser|srcdoc/, 'markup of a text'],
    [/document\.write|\beval\(|new Function|setTimeout\(['"`]|javascript:/, 'code of a text'],
    [/\bstyle: ['"`({]|\.style\b|cssText|'style'|<style/, 'a style'],
    [/document\.cookie|localStorage\.setItem\((?!THEME|KEPT|[A-Z_]+,)/, 'something that stays'],
  ];
  for (const { path, text } of [...sources('.js'), ...sources('.html')]) {
    for (const [pattern, what] of banned) {
      // Intl.NumberFormat has a `style` too.
      const code = text.replace(/\{ style: 'unit'/g, '{').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
      assert.ok(!pattern.test(code), `${path}: ${what}`);
    }
    // Those of the programs that are shown are not the console's own.
    if (path !== 'api.js' && !path.includes('snippets')) assert.ok(!/\bfetch\(|XMLHttpRequest|EventSource\(|WebSocket\(|sendBeacon/.test(text), `${path}: a request`);
    assert.ok(!/https?:\/\/(?=\w)(?!(\S*\.)?(127\.0\.0\.1|localhost|example(\.com)?|console\.tim\.qq\.com|www\.w3\.org)\b)/.test(text), `${path}: another origin`);
  }
});

test('each page is short enough to be read', () => {
  for (const { path, text } of sources('.js').filter(({ path }) => path.startsWith('pages/'))) assert.ok(text.split('\n').length - 1 <= 250, path);
  for (const { path, text } of sources('.js').filter(({ path }) => !path.startsWith('i18n/'))) {
    assert.deepEqual(text.split('\n').filter((line) => line.length > 240), [], path);
  }
});
