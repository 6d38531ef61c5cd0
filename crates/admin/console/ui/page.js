// What pages say besides their content: that data is on its way, errors, messages, questions, copies.

// What is shown while data is on its way, and when it does not come.

import { ApiError } from '../api.js';
import { h, signal, untracked } from './dom.js';
import { t } from '../i18n/language.js';

/** The sentence of an error, for people. @param {unknown} error */
export function sentence(error) {
  if (error instanceof ApiError) return error.status === 0 ? t('unreachable') : error.message;
  return error instanceof Error ? error.message : String(error);
}

/** A note with an error, and a button that tries again. @param {unknown} error @param {() => void} [again] */
export function failure(error, again) {
  return h('div', { class: 'note bad', role: 'alert' }, h('b', {}, sentence(error)), again && h('button', { onclick: again }, t('again')));
}

/**
 * Loads data and shows it. `reload` loads it again; what is shown stays until the new data is there.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T, reload: () => Promise<void>) => import('./dom.js').Child} show
 */
export function loaded(load, show) {
  const state = signal(/** @type {{ data?: T, error?: unknown }} */ ({}));
  const reload = async () => {
    try {
      state.value = { data: await load() };
    } catch (error) {
      state.value = { error };
    }
  };
  void untracked(reload);
  return h('div', {}, () => {
    const { data, error } = state.value;
    if (error !== undefined) return failure(error, reload);
    if (data === undefined) return h('p', { class: 'soft', role: 'status' }, t('loading'));
    return untracked(() => show(data, reload));
  });
}

/** Runs something that a button asked for; a failure is shown as a message. Returns whether it succeeded. @param {() => Promise<unknown>} run */
export async function attempt(run) {
  try {
    await run();
    return true;
  } catch (error) {
    toast(sentence(error), 'bad');
    return false;
  }
}

// Short messages in the corner, read out by screen readers.

const SHOWN_MS = 6000;
const list = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
document.body.appendChild(list);

/** @param {string} text @param {'good' | 'bad'} [kind] */
export function toast(text, kind = 'good') {
  const message = h('div', { class: kind }, text);
  list.appendChild(message);
  setTimeout(() => message.remove(), SHOWN_MS);
}

// Dialogs: questions before something that can't be undone, and secrets that are shown once.

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

// Copying to the clipboard. Without HTTPS, and not on this machine, browsers have no `navigator.clipboard`.

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', { class: 'skip', value: text });
    // Outside of an open dialog nothing can be selected.
    (document.querySelector('dialog[open]') ?? document.body).appendChild(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(t('copied'));
}

/** A button that copies. @param {() => string | Promise<string>} text @param {string} [label] */
export function copyButton(text, label) {
  return h('button', { type: 'button', onclick: () => attempt(async () => copy(await text())) }, label ?? t('copy'));
}
