// The export: pages of accounts, put together into a file with the bytes that `portraitd export` writes.

import * as api from '../../api.js';
import { needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { textField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { count } from '../../ui/numbers.js';
import { save } from '../../ui/save.js';
import { t } from '../../i18n/language.js';

const PAGE = 1000;

/**
 * @typedef {{ state: 'running' | 'done' | 'stopped' | 'failed', done: number, all: number, damaged: string[], error?: unknown }} State
 */

/** @param {number} app */
export function exportCard(app) {
  const user = signal('');
  const state = signal(/** @type {State | null} */ (null));
  const running = () => state.value?.state === 'running';
  const change = (/** @type {Partial<State>} */ changed) => (state.value = /** @type {State} */ ({ ...state.peek(), ...changed }));
  const run = async (/** @type {string | undefined} */ one) => {
    state.value = { state: 'running', done: 0, all: 0, damaged: [] };
    try {
      const [{ id: store }, { accounts: all }] = await Promise.all([api.store(), api.usage(app)]);
      change({ all: one === undefined ? all : 1 });
      const parts = [];
      for (let after; state.peek()?.state === 'running'; ) {
        const page = await api.exportAccounts(app, one === undefined ? { after, limit: PAGE, store } : { user: one, store });
        // A Blob for each page: the browser may keep it on its disk.
        parts.push(new Blob(page.accounts.map((account) => `${line(account)}\n`)));
        change({ done: (state.peek()?.done ?? 0) + page.accounts.length, damaged: [...(state.peek()?.damaged ?? []), ...page.damaged] });
        if (page.next === null) {
          save(`${app}${one === undefined ? '' : `-${one}`}.jsonl`, new Blob(parts, { type: 'application/x-ndjson' }));
          change({ state: 'done' });
        }
        after = page.next;
      }
    } catch (error) {
      change({ state: 'failed', error });
    }
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('transfer.export'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('transfer.exportAbout')),
      h('div', { class: 'row' },
        h('button', needs('operator', { class: 'primary', disabled: running, onclick: () => run(undefined) }), t('transfer.exportAll')),
        () => running() && h('button', { onclick: () => change({ state: 'stopped' }) }, t('transfer.stop'))),
      h('form', { class: 'row tokens-new', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void run(user.peek()); } },
        textField(t('transfer.one'), user, { required: true }),
        h('button', needs('operator', { disabled: running }), t('transfer.exportOne'))),
      h('div', { 'aria-live': 'polite' }, () => state.value && outcome(state.value))));
}

/** @param {State} state */
function outcome({ state, done, all, damaged, error }) {
  if (state === 'failed') return failure(error);
  return h('div', { class: 'stack' },
    state === 'running' && h('progress', { max: String(Math.max(all, 1)), value: done, 'aria-label': t('transfer.export') }),
    h('div', { class: state === 'done' ? 'note good' : 'note' }, t(`transfer.export.${state}`, { done: count(done), all: count(all) })),
    damaged.length > 0 && h(
      'div',
      { class: 'note bad' },
      h('b', {}, t('transfer.damaged', { n: count(damaged.length) })),
      h('code', {}, damaged.join(', ')),
    ));
}

/** The JSON of a value without spaces. Numbers beyond 2^53 are kept. @param {any} value @returns {string} */
function line(value) {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(line).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${line(one)}`).join(',')}}`;
}
