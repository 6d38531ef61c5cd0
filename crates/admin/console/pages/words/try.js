// Looking for sensitive words in a text, by the list that is in force.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { onCtrlEnter } from '../../ui/keys.js';
import { failure } from '../../ui/load.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';

/** @param {number} app */
export function tryText(app) {
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
