// The question before the list is replaced: what comes and what goes.

import { h } from '../../ui/dom.js';
import { confirm } from '../../ui/dialog.js';
import { count } from '../../ui/numbers.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';

/** How many words of each kind are shown. */
const SHOWN_MAX = 100;

/** @param {import('./compare.js').Comparison} found */
export function confirmDiff({ words, added, removed, blank, duplicate }) {
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
