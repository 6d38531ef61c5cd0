// A refused call, explained: the exact reason first, then the general page behind a fold.

import * as api from '../api.js';
import { h, signal } from './dom.js';
import { sentence } from './load.js';
import { reference } from '../state.js';
import { t } from '../i18n/language.js';

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
export function markdown(text) {
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
