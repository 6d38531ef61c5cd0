// JSON and other text: shown, explained, compared, edited, saved.

// JSON and other text in colours, with a button that copies it.

import * as api from '../api.js';
import { reference } from '../state.js';
import { effect, h, signal } from './dom.js';
import { problem, stringify, tokens } from './json.js';
import { copyButton, sentence } from './page.js';
import { t } from '../i18n/language.js';

/** The coloured tokens of a JSON text. @param {string} text */
function coloured(text) {
  return tokens(text).map(({ text, kind }) =>
    kind === '' ? text : h('span', { class: kind === 'number' ? 'number-token' : kind }, text),
  );
}

/** A name that goes on in the next line after an underscore, and nowhere else. @param {string} name */
export function breakable(name) {
  return h('span', { class: 'breakable' }, name.split(/(?<=_)/).map((part) => [part, h('wbr')]));
}

/** A block of JSON. @param {string} text as it is shown and copied */
export function jsonBlock(text) {
  return h('div', { class: 'json' }, copyButton(() => text), h('pre', { tabindex: '0' }, coloured(text)));
}

/** A block of any text. `whole` is what is copied, where that is more than is shown. */
export function textBlock(/** @type {string} */ text, /** @type {() => string | Promise<string>} */ whole = () => text) {
  return h('div', { class: 'json' }, copyButton(whole), h('pre', { tabindex: '0' }, text));
}

// A refused call, explained: the exact reason first, then the general page behind a fold.

/** What a code means, in the language of the page; empty for one that is not known. @param {number} code @returns {string} */
export function meaningOf(code) {
  return reference.value?.codes[code]?.meaning ?? '';
}

/** A badge with a code; 0 is success, null an answer that never came. @param {number | null} code */
export function codeBadge(code) {
  if (code === 0) return h('span', { class: 'badge good' }, 'OK');
  if (code === null || code === undefined) return h('span', { class: 'badge warn' }, t('code.none'));
  return h('span', { class: 'badge bad', title: meaningOf(code) }, code);
}

/**
 * @param {number} code
 * @param {string | null} detail the exact reason, as `X-Error-Detail` has it
 * @param {import('./dom.js').Child} [repairs] buttons that put it right
 */
export function explanation(code, detail, repairs) {
  return h('div', { class: 'note bad' },
    h('b', {}, detail || `${code} ${meaningOf(code)}`),
    h('div', { class: 'row' }, repairs, codeDetails(code)));
}

/** The page of a code, loaded when it is unfolded. @param {number} code */
function codeDetails(code) {
  if (!(code in (reference.value?.codes ?? {}))) return null;
  const page = signal(/** @type {string | null} */ (null));
  const load = async (/** @type {any} */ event) => {
    if (!event.target.open || page.peek() !== null) return;
    page.value = await api.codePage(code).then(({ markdown }) => markdown, sentence);
  };
  return h('details', { ontoggle: load },
    h('summary', {}, t('code.more', { code })),
    () => page.value !== null && markdown(page.value));
}

/** The line of links to the page's other language and to the list of codes, which are files. */
const LINKS = /^\[(?:中文|English)\]\(/;

/** The few forms of Markdown that the pages have: headings, paragraphs, lists, code. @param {string} text */
function markdown(text) {
  const blocks = text.split(/\n{2,}|(?<=\n)(?=```)/).filter((block) => block.trim() !== '' && !LINKS.test(block));
  return h('div', { class: 'stack small' }, merge(blocks).map((block) => {
    const heading = /^(#+) (.*)/.exec(block);
    if (heading) return h('h3', {}, inline(heading[2]));
    if (block.startsWith('```')) return h('pre', { class: 'note', tabindex: '0' }, block.replace(/^```\w*\n|\n?```\s*$/g, ''));
    if (/^[-*] /.test(block)) return h('ul', {}, block.split(/\n(?=[-*] )/).map((item) => h('li', {}, inline(item.slice(2)))));
    return h('p', {}, inline(block));
  }));
}

/** Puts the parts of a code block that holds empty lines together again. @param {string[]} blocks */
function merge(blocks) {
  /** @type {string[]} */
  const whole = [];
  for (const block of blocks) {
    const last = whole.at(-1);
    if (last?.startsWith('```') && !/\n```\s*$/.test(last)) whole[whole.length - 1] = `${last}\n\n${block}`;
    else whole.push(block);
  }
  return whole;
}

/** Code, bold and links (as their text: the pages' links lead to files). @param {string} text */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith('`')) return h('code', {}, part.slice(1, -1));
    if (part.startsWith('**')) return h('strong', {}, part.slice(2, -2));
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
    return link ? link[1] : part;
  });
}

// What a change replaces, member by member.

/** @param {any} before @param {any} after objects, or nothing */
export function diff(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => stringify(before?.[name]) !== stringify(after?.[name]));
  return h('dl', { class: 'pairs small' }, changed.map((name) => [
    h('dt', {}, h('code', {}, name)),
    h('dd', {},
      before && name in before && h('del', {}, h('code', {}, stringify(before[name]))),
      before && name in before && after && name in after && ' → ',
      after && name in after && h('ins', {}, h('code', {}, stringify(after[name])))),
  ]));
}

// Saving a file: one that the page made, or one that the server sends.

/** How long the file's address stays, so that the browser can begin to read it. */
const KEPT_MS = 60_000;

/** Saves parts as a file. @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const href = URL.createObjectURL(blob);
  saveFrom(href, name);
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}

/** Has the browser save what an address answers, under the answer's own name unless one is given. @param {string} href */
export function saveFrom(href, name = '') {
  const link = h('a', { href, download: name, class: 'skip', tabindex: '-1' });
  document.body.appendChild(link);
  link.click();
  link.remove();
}

// An editor of JSON: a text area whose letters are clear, over the same text in colours, with line numbers.

/**
 * @param {{ value: string }} text the signal that is edited
 * @param {string} label for screen readers
 */
export function jsonEditor(text, label) {
  const lines = h('div', { class: 'lines', 'aria-hidden': 'true' });
  const shown = h('pre', { 'aria-hidden': 'true' });
  const area = h('textarea', {
    'aria-label': label,
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    oninput: () => (text.value = area.value),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) indent(event);
    },
  });
  const message = h('div', { class: 'invalid', role: 'status' });
  effect(() => {
    const value = text.value;
    if (area.value !== value) area.value = value;
    const wrong = problem(value);
    shown.replaceChildren(...coloured(value), '\n');
    const count = value.split('\n').length;
    lines.replaceChildren(
      ...Array.from({ length: count }, (_, index) => h('div', { class: wrong?.line === index + 1 ? 'wrong' : '' }, index + 1)),
    );
    message.textContent = wrong ? t('json.wrong', { line: wrong.line, message: wrong.message }) : '';
    area.setAttribute('aria-invalid', String(wrong !== null));
  });
  return h('div', {}, h('div', { class: 'editor' }, lines, h('div', { class: 'layers' }, shown, area)), message);

  /** A new line starts where the one before it did; one level deeper after a bracket. */
  function indent(/** @type {KeyboardEvent} */ event) {
    event.preventDefault();
    const before = area.value.slice(0, area.selectionStart);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    const spaces = /^ */.exec(line)?.[0] ?? '';
    area.setRangeText(`\n${spaces}${/[{[]\s*$/.test(line) ? '  ' : ''}`, area.selectionStart, area.selectionEnd, 'end');
    text.value = area.value;
  }
}
