// Parts that the forms of every kind of body share.

import { computed, h } from '../../ui/dom.js';
import { t } from '../../i18n/language.js';
import { bytesOf } from './forms.js';

/** The size of a text, and its limit. @param {() => string} read @param {number} max */
export function byteCounter(read, max) {
  const size = computed(() => bytesOf(read()));
  return h('span', { class: () => (size.value > max ? 'invalid' : 'soft small') }, () => t('explorer.bytes', { n: size.value, max }));
}

/**
 * A button that removes a row; the focus goes on to another button.
 * @param {() => void} remove @param {string | (() => string)} label @param {HTMLElement} next
 */
export function removeButton(remove, label, next) {
  const onclick = () => {
    remove();
    next.focus();
  };
  return h('button', { type: 'button', class: 'plain', 'aria-label': label, title: label, onclick }, '✕');
}
