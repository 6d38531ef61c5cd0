// The export: the browser saves the server's stream itself, so that its size does not matter to the page.

import * as api from '../../api.js';
import { needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { textField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { saveFrom } from '../../ui/save.js';
import { t } from '../../i18n/language.js';

/** @param {number} app */
export function exportCard(app) {
  const user = signal('');
  const state = signal(/** @type {{ state: 'asked' | 'began' | 'failed', error?: unknown } | null} */ (null));
  const run = async (/** @type {string | undefined} */ one) => {
    state.value = { state: 'asked' };
    try {
      // That there is no such user is said here, not among the browser's downloads.
      if (one !== undefined) await api.account(app, one);
      const { ticket } = await api.exportTicket(app, { user: one });
      saveFrom(api.exportAddress(app, { user: one, ticket }));
      state.value = { state: 'began' };
    } catch (error) {
      state.value = { state: 'failed', error };
    }
  };
  const asked = () => state.value?.state === 'asked';
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('transfer.export'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('transfer.exportAbout')),
      h('div', { class: 'row' },
        h('button', needs('operator', { class: 'primary', disabled: asked, onclick: () => run(undefined) }), t('transfer.exportAll'))),
      h('form', { class: 'row tokens-new', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void run(user.peek()); } },
        textField(t('transfer.one'), user, { required: true }),
        h('button', needs('operator', { disabled: asked }), t('transfer.exportOne'))),
      h('div', { 'aria-live': 'polite' }, () => {
        if (state.value?.state === 'failed') return failure(state.value.error);
        return state.value?.state === 'began' && h('div', { class: 'note good' }, h('b', {}, t('transfer.exportBegan')), t('transfer.exportBroken'));
      })));
}
