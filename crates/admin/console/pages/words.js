// The app's sensitive words: the list as a text with one word a line, and the fields that are checked for them.

import * as api from '../api.js';
import { appChanged, currentApp, needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { onCtrlEnter } from '../ui/keys.js';
import { attempt, failure, loaded } from '../ui/load.js';
import { count } from '../ui/numbers.js';
import { save } from '../ui/save.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';
import { confirmDiff } from './words/confirm.js';
import { compare } from './words/compare.js';
import { readText } from './words/file.js';
import { pagedText } from './words/paged.js';
import { screening } from './words/screening.js';
import { tryText } from './words/try.js';

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

/** @param {import('./words/compare.js').Comparison} found */
function counts({ words, added, removed, blank, duplicate }) {
  const badge = (/** @type {any} */ key, /** @type {number} */ n, /** @type {string} */ kind) =>
    n > 0 && h('span', { class: `badge ${kind}` }, t(key, { n: count(n) }));
  return [
    badge('words.count', words, ''), badge('words.added', added.length, 'good'), badge('words.removed', removed.length, 'bad'),
    badge('words.blank', blank, 'warn'), badge('words.duplicate', duplicate, 'warn'),
  ];
}
