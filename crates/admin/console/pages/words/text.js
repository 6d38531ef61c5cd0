// Lists of words as texts: edited, compared, read from files. A browser needs seconds to lay 100,000 lines out, so the text
// area has one page of them at a time.

import { h, signal } from '../../ui/dom.js';
import { count } from '../../ui/format.js';
import { t } from '../../i18n/language.js';

const LINES_MAX = 2000;
/** As the style sheet has it. */
const LINE_PX = 20;

/** Splits a text into pages that end with a line break. @param {string} text */
function split(text) {
  const pages = [];
  let [start, lines] = [0, 0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) {
    lines += 1;
    if (lines % LINES_MAX > 0) continue;
    pages.push(text.slice(start, end + 1));
    start = end + 1;
  }
  return start < text.length || pages.length === 0 ? [...pages, text.slice(start)] : pages;
}

const linesOf = (/** @type {string} */ text) => text.split('\n').length - 1;

/** @param {{ label: string, placeholder: string, initial: string, changed: () => void }} text */
export function pagedText({ label, placeholder, initial, changed }) {
  let pages = [''];
  const page = signal(0);
  const last = signal(0);
  const found = signal('');
  const area = h('textarea', {
    class: 'words-text', wrap: 'off', 'aria-label': label, placeholder, spellcheck: 'false', autocomplete: 'off', oninput: changed,
    onpaste: (/** @type {ClipboardEvent} */ event) => {
      const pasted = event.clipboardData?.getData('text') ?? '';
      if (linesOf(pasted) < LINES_MAX) return;
      event.preventDefault();
      area.setRangeText(pasted, area.selectionStart, area.selectionEnd, 'end');
      set(get());
      changed();
    },
  });
  const open = (/** @type {number} */ number) => {
    page.value = number;
    area.value = pages[number];
    area.setSelectionRange(0, 0);
    area.scrollTop = 0;
  };
  const show = (/** @type {number} */ number) => {
    pages[page.peek()] = area.value;
    open(number);
  };
  const get = () => {
    pages[page.peek()] = area.value;
    return pages.map((one, index) => (one === '' || one.endsWith('\n') || index === pages.length - 1 ? one : `${one}\n`)).join('');
  };
  const set = (/** @type {string} */ text) => {
    pages = split(text);
    last.value = pages.length - 1;
    open(0);
  };
  set(initial);

  /** Finds the next place of a text after the cursor, from the start again after the end. @param {string} wanted */
  const find = (wanted) => {
    if (wanted === '') return;
    pages[page.peek()] = area.value;
    const from = page.peek();
    for (let step = 0; step <= pages.length; step += 1) {
      const number = (from + step) % pages.length;
      const at = pages[number].indexOf(wanted, step === 0 ? area.selectionEnd : 0);
      if (at < 0) continue;
      if (number !== from) show(number);
      const line = linesOf(pages[number].slice(0, at));
      area.setSelectionRange(at, at + wanted.length);
      area.scrollTop = (line - 3) * LINE_PX;
      const before = pages.slice(0, number).reduce((sum, one) => sum + linesOf(one), 0);
      found.value = t('words.found', { n: count(before + line + 1) });
      return;
    }
    found.value = t('words.found.none');
  };
  const search = h('input', {
    type: 'search', 'data-filter': '', 'aria-label': t('words.find'), placeholder: t('words.find'),
    autocomplete: 'off', spellcheck: 'false',
    oninput: () => (found.value = ''),
    onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === 'Enter' && !event.ctrlKey && !event.metaKey && find(search.value),
  });

  /** @param {number} step @param {string} sign @param {string} name @param {() => boolean} disabled */
  const turn = (step, sign, name, disabled) => h('button', { onclick: () => show(page.peek() + step), disabled, 'aria-label': name }, sign);
  const node = h('div', { class: 'stack' },
    h('div', { class: 'row' },
      search,
      h('span', { class: 'soft small grow', role: 'status' }, () => found.value),
      () => last.value > 0 && [
        turn(-1, '‹', t('words.page.before'), () => page.value === 0),
        h('span', { class: 'small' }, () => t('words.page', { n: page.value + 1, last: last.value + 1 })),
        turn(1, '›', t('words.page.after'), () => page.value === last.value),
      ]),
    area);
  return { node, get, set };
}

// Two lists of words compared, by the server's rules: a line is a word, without the white space at its ends.

/** What the server takes for white space; `trim()` takes one letter more. */
const ENDS = /^\p{White_Space}+|\p{White_Space}+$/gu;

/** @typedef {{ words: number, added: string[], removed: string[], blank: number, duplicate: number }} Comparison */

/** @param {string} before @param {string} after @returns {Comparison} */
export function compare(before, after) {
  const old = read(before);
  const now = before === after ? old : read(after);
  return {
    words: now.words.size,
    added: [...now.words].filter((word) => !old.words.has(word)),
    removed: [...old.words].filter((word) => !now.words.has(word)),
    blank: now.blank,
    duplicate: now.duplicate,
  };
}

/** @param {string} text */
function read(text) {
  const words = new Set();
  let [blank, duplicate] = [0, 0];
  const lines = text.replace(/^\uFEFF+/, '').split('\n');
  // What follows the last line break is a line only when it holds something.
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const word = line.replace(ENDS, '');
    if (word === '') blank += 1;
    else if (words.has(word)) duplicate += 1;
    else words.add(word);
  }
  return { words, blank, duplicate };
}

// A file of words as text. Lists in Chinese are often in GBK, which is read too.

/** @param {Blob} file @returns {Promise<{ text: string, encoding: string }>} */
export async function readText(file) {
  const bytes = await file.arrayBuffer();
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8' };
  } catch {
    return { text: new TextDecoder('gb18030').decode(bytes), encoding: 'GB18030' };
  }
}
