// Dialogs: questions before something that can't be undone, and secrets that are shown once.

import { h } from './dom.js';
import { copyButton } from './clipboard.js';
import { t } from '../i18n/language.js';

/**
 * Opens a dialog, and resolves when it closes: also when another page is opened, with the browser's Back for example.
 * @param {(close: () => void) => Node} content @param {{ stays?: boolean }} [how] `stays`: over the next page too
 */
export function open(content, { stays = false } = {}) {
  return new Promise((resolve) => {
    const close = () => dialog.close();
    const onclose = () => {
      window.removeEventListener('hashchange', close);
      dialog.remove();
      resolve(undefined);
    };
    const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', onclose });
    dialog.appendChild(content(close));
    // The heading that every dialog begins with.
    dialog.querySelector('h2').id = 'dialog-title';
    if (!stays) window.addEventListener('hashchange', close);
    document.body.appendChild(dialog);
    dialog.showModal();
  });
}

/** A text whose letters can't turn the direction of what follows it. @param {string} text */
const isolated = (text) => `\u2068${text}\u2069`;

/**
 * Asks before something that can't be undone. With `type`, the button waits until that text was typed.
 * @param {{ title: string, text?: import('./dom.js').Child, action: string, type?: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export async function confirm({ title, text, action, type, danger = true }) {
  let agreed = false;
  await open((close) => {
    const button = h('button', { class: danger ? 'danger' : 'primary', disabled: type !== undefined, autofocus: !danger }, action);
    const typed = h('input', { autofocus: true, oninput: () => (button.disabled = typed.value !== type), autocomplete: 'off', 'aria-label': t('type.label', { text: type }) });
    return h(
      'form',
      { method: 'dialog', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); agreed = true; close(); } },
      h('h2', {}, title),
      text && h('div', {}, text),
      type !== undefined && h('label', { class: 'field' }, h('span', {}, t('type.label', { text: isolated(type) })), typed),
      h('div', { class: 'row' }, h('span', { class: 'grow' }), h('button', { type: 'button', onclick: close }, t('cancel')), button),
    );
  });
  return agreed;
}

/** Shows a secret once. It leaves the page with the dialog. @param {{ title: string, text: string, secret: string }} shown */
export function showOnce({ title, text, secret }) {
  return open((close) =>
    h('div', {},
      h('h2', {}, title),
      h('p', {}, text),
      h('div', { class: 'row' }, h('code', { class: 'grow', tabindex: '0' }, secret), copyButton(() => secret)),
      h('div', { class: 'row' }, h('span', { class: 'grow' }), h('button', { class: 'primary', onclick: close }, t('secret.stored'))),
    ),
    { stays: true });
}
