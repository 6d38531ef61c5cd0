// The audit log's entries about one user. The log names users by a fingerprint, so that it holds no personal data.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { failure } from '../../ui/load.js';
import { table } from '../../ui/table.js';
import { time } from '../../ui/time.js';
import { t } from '../../i18n/language.js';

const PAGE = 1000;
/** How many pages of the log one search reads. */
const PAGES_MAX = 5;

/** The name of a user in the audit log. @param {string} user */
async function fingerprint(user) {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(user));
  return `sha256:${[...new Uint8Array(hash, 0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** @param {{ app: number, user: string }} tab */
export function historyTab({ app, user }) {
  // Browsers compute hashes only over HTTPS and on this machine.
  if (!crypto.subtle) {
    return h('div', { class: 'note' }, t('users.history.https'), ' ', h('code', {}, `portraitd audit --app ${app} --user UserID`));
  }
  const entries = signal(/** @type {any[]} */ ([]));
  const next = signal(/** @type {number | null} */ (null));
  const read = signal(0);
  const busy = signal(true);
  const problem = signal(/** @type {unknown} */ (undefined));

  const search = async () => {
    busy.value = true;
    problem.value = undefined;
    try {
      const resource = `/apps/${app}/accounts/${await fingerprint(user)}`;
      for (let pages = 0; pages < PAGES_MAX; pages += 1) {
        const page = await api.audit({ app, before: next.peek(), limit: PAGE });
        const found = page.entries.filter((/** @type {any} */ entry) => `${entry.resource}/`.startsWith(`${resource}/`));
        entries.value = [...entries.peek(), ...found];
        read.value += page.entries.length;
        next.value = page.next ?? null;
        if (next.peek() === null) break;
      }
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  };
  void search();

  return h('div', { class: 'stack' },
    h('p', { class: 'soft small' }, t('users.history.about')),
    table({
      label: t('users.tab.history'),
      rows: () => entries.value,
      keyOf: ({ place }) => place,
      columns: [
        { title: t('users.history.who'), cell: whenAndWho },
        { title: t('users.history.what'), cell: what },
      ],
      empty: () => () => t(busy.value ? 'loading' : 'users.history.none'),
    }),
    () => problem.value !== undefined && failure(problem.value, search),
    h('div', { class: 'row' },
      h('span', { class: 'soft small grow', role: 'status' }, () => t('users.history.read', { n: read.value })),
      () => next.value !== null && h('button', { onclick: () => busy.peek() || search(), 'aria-disabled': () => String(busy.value) }, t('users.history.further'))));
}

/** @param {any} entry */
function whenAndWho({ at_ms, who, from }) {
  return [time(at_ms), h('div', { class: 'soft small' }, h('code', {}, who), from && ` · ${from}`)];
}

/** What an entry did. @param {any} entry */
function what({ method, outcome, after }) {
  const done = outcome === 'done';
  const tags = after?.tags ?? [];
  const verb = method === 'PUT' ? 'users.history.created' : method === 'DELETE' ? 'users.history.deleted' : 'users.history.set';
  return [
    !done && h('span', { class: 'badge bad' }, outcome),
    ' ',
    t(verb),
    ' ',
    tags.map((/** @type {string} */ tag) => [h('code', {}, tag), ' ']),
  ];
}
