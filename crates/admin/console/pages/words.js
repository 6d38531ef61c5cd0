// The app's sensitive words: the list as a text with one word a line, the fields that are checked for them, and a
// text to try.

import * as api from '../api.js';
import { appChanged, currentApp, fieldsOf, needs } from '../state.js';
import { save } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { checkField, onCtrlEnter, selectField } from '../ui/field.js';
import { count, visible } from '../ui/format.js';
import { attempt, confirm, failure, loaded, toast } from '../ui/page.js';
import { t } from '../i18n/language.js';
import { compare, pagedText, readText } from './words/text.js';

/** How long the comparison waits for the next key. */
const TYPING_MS = 300;

/** @param {{ app: number }} page */
export default function ({ app }) {
  return h('div', {},
    h('div', { class: 'head' },
      h('div', {},
        h('h1', {}, t('page.words'), ' ', h('span', { class: 'badge' }, () => count(currentApp()?.words ?? 0))),
        h('p', { class: 'soft' }, t('words.about')))),
    h('div', { class: 'split' },
      h('div', { class: 'card' }, h('div', { class: 'body' }, loaded(() => api.words(app), (text) => editor(app, text)))),
      h('div', {}, screening(app), tryText(app))));
}

/** @param {number} app @param {string} stored */
function editor(app, stored) {
  const found = signal(compare(stored, stored));
  const problem = signal(/** @type {unknown} */ (undefined));
  const read = signal('');
  const busy = signal(false);
  const sending = signal(false);
  let typing = 0;
  const look = () => {
    found.value = compare(stored, words.get());
  };
  const words = pagedText({
    label: t('words.list'),
    placeholder: t('words.placeholder'),
    initial: stored,
    changed: () => {
      clearTimeout(typing);
      typing = setTimeout(look, TYPING_MS);
    },
  });
  const changed = () => found.value.added.length + found.value.removed.length > 0;

  const store = async () => {
    clearTimeout(typing);
    busy.value = true;
    problem.value = undefined;
    try {
      // Compared with the list as it is now: another operator may have changed it since it was shown.
      stored = await api.words(app);
      look();
      if (!changed()) toast(t('words.same'));
      else if (await confirmDiff(found.peek())) {
        sending.value = true;
        const result = await api.setWords(app, words.get());
        stored = await api.words(app);
        look();
        appChanged(await api.showApp(app));
        toast(t('words.saved', { n: count(result.words) }));
      }
    } catch (error) {
      problem.value = error;
    }
    busy.value = sending.value = false;
  };
  const choose = (/** @type {any} */ event) => attempt(async () => {
    const [file] = event.target.files;
    // The same file can be chosen again.
    event.target.value = '';
    if (!file) return;
    const { text, encoding } = await readText(file);
    words.set(text);
    read.value = encoding === 'utf-8' ? '' : t('words.encoding', { encoding });
    look();
  });
  const download = () => save(`words-${app}.txt`, new Blob([words.get()], { type: 'text/plain' }));

  const file = h('input', {
    type: 'file', accept: '.txt,text/plain', onchange: choose, 'aria-label': t('words.file'), class: 'skip', tabindex: '-1',
  });
  return h('div', { class: 'stack', onkeydown: onCtrlEnter(store) },
    () => problem.value !== undefined && failure(problem.value),
    () => read.value !== '' && h('div', { class: 'note warn', role: 'status' }, read.value),
    words.node,
    h('div', { class: 'row words-counts', role: 'status' }, () => counts(found.value)),
    h('div', { class: 'row' },
      h('button', needs('operator', { class: 'primary', title: 'Ctrl+Enter', onclick: store, disabled: () => busy.value || !changed() }),
        t('words.save')),
      file, h('button', { onclick: () => file.click() }, t('words.file')),
      h('button', { onclick: download }, t('words.download')),
      h('span', { class: 'soft small', role: 'status' }, () => sending.value && t('words.busy'))));
}

/** @param {import('./words/text.js').Comparison} found */
function counts({ words, added, removed, blank, duplicate }) {
  const badge = (/** @type {any} */ key, /** @type {number} */ n, /** @type {string} */ kind) =>
    n > 0 && h('span', { class: `badge ${kind}` }, t(key, { n: count(n) }));
  return [
    badge('words.count', words, ''), badge('words.added', added.length, 'good'), badge('words.removed', removed.length, 'bad'),
    badge('words.blank', blank, 'warn'), badge('words.duplicate', duplicate, 'warn'),
  ];
}

// The question before the list is replaced: what comes and what goes.

/** How many words of each kind are shown. */
const SHOWN_MAX = 100;

/** @param {import('./words/text.js').Comparison} found */
function confirmDiff({ words, added, removed, blank, duplicate }) {
  const text = h('div', { class: 'stack' },
    h('p', {}, t('words.confirm', { n: count(words) })),
    list(t('words.added', { n: count(added.length) }), 'ins', added),
    list(t('words.removed', { n: count(removed.length) }), 'del', removed),
    (blank > 0 || duplicate > 0) &&
      h('p', { class: 'soft small' }, t('words.skipped', { blank: count(blank), duplicate: count(duplicate) })));
  return confirm({ title: t('words.confirm.title'), text, action: t('words.confirm.action'), danger: removed.length > 0 });
}

/** @param {string} title @param {'ins' | 'del'} kind @param {string[]} words */
function list(title, kind, words) {
  if (words.length === 0) return null;
  const more = words.length - SHOWN_MAX;
  return h('div', {},
    h('b', {}, title),
    h('div', { class: 'words-list note', tabindex: '0', role: 'region', 'aria-label': title },
      words.slice(0, SHOWN_MAX).map((word) => h('div', {}, h(kind, {}, h('code', {}, visible(word))))),
      more > 0 && h('div', { class: 'soft small' }, t('words.others', { n: count(more) }))));
}

// Looking for sensitive words in a text, by the list that is in force.

/** @param {number} app */
function tryText(app) {
  const result = signal(/** @type {{ words?: string[], error?: unknown }} */ ({}));
  const text = h('textarea', { rows: '3', required: true, oninput: () => (result.value = {}) });
  const form = h('form', { class: 'body stack', onsubmit: submit, onkeydown: onCtrlEnter(() => form.requestSubmit()) },
    h('p', { class: 'soft small' }, t('words.try.about')),
    h('label', { class: 'field' }, h('span', {}, t('words.try.text')), text),
    h('div', { class: 'row' }, h('button', {}, t('words.try.action'))),
    h('div', { role: 'status' }, () => {
      const { words, error } = result.value;
      if (error !== undefined) return failure(error);
      if (words === undefined) return null;
      if (words.length === 0) return h('div', { class: 'note good' }, t('words.try.none'));
      return h('div', { class: 'note bad' },
        h('b', {}, t('words.try.found', { n: words.length })),
        h('div', { class: 'row' }, words.map((word) => h('code', {}, visible(word)))));
    }));
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, t('words.try'))), form);

  async function submit(/** @type {Event} */ event) {
    event.preventDefault();
    try {
      result.value = await api.testWords(app, text.value);
    } catch (error) {
      result.value = { error };
    }
  }
}

// Which fields are checked for the words, and how a call with one is answered.

/** @param {number} app */
function screening(app) {
  return h('div', { class: 'card' },
    h('header', {}, h('h2', {}, t('words.fields'))),
    () => {
      const settings = currentApp();
      return settings && form(app, settings);
    });
}

/** @param {number} app @param {Schema<'AppView'>} settings */
function form(app, settings) {
  const texts = fieldsOf(settings).filter(({ type, values }) => type === 'string' && values.length === 0).map(({ tag }) => tag);
  const tags = [...new Set([...texts, ...settings.screened_tags])];
  const isScreened = (/** @type {string} */ tag) => settings.screened_tags.includes(tag);
  const boxes = tags.map((tag) => ({ tag, checked: signal(isScreened(tag)) }));
  const code = signal(String(settings.sensitive_code));
  const problem = signal(/** @type {unknown} */ (undefined));
  const chosen = () => boxes.filter(({ checked }) => checked.value).map(({ tag }) => tag);
  const changed = () => code.value !== String(settings.sensitive_code) || chosen().join() !== tags.filter(isScreened).join();
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      appChanged(await api.changeApp(app, { screened_tags: chosen(), sensitive_code: Number(code.peek()) }));
      toast(t('words.fields.saved'));
    } catch (error) {
      problem.value = error;
    }
  };
  return h('form', { class: 'body stack', onsubmit: save },
    h('p', { class: 'soft small' }, t('words.fields.about')),
    boxes.map(({ tag, checked }) => checkField(tag, checked)),
    selectField(t('words.code'), code, () => [['40005', t('words.code.profile')], ['80001', t('words.code.text')]]),
    () => chosen().length === 0 && h('div', { class: 'note warn' }, t('words.fields.none')),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'row' }, h('button', needs('admin', { class: 'primary', disabled: () => !changed() }), t('save'))));
}
