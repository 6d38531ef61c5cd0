// The audit log's entries about one user. The log names users by a fingerprint, so that it holds no personal data; the server
// computes it.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { failure } from '../../ui/load.js';
import { table } from '../../ui/table.js';
import { time } from '../../ui/time.js';
import { t } from '../../i18n/language.js';
import { words } from '../audit/words.js';

const PAGE = 100;

/** @param {{ app: number, user: string }} tab */
export function historyTab({ app, user }) {
  const entries = signal(/** @type {Schema<'AuditEntryView'>[]} */ ([]));
  const next = signal(/** @type {number | null} */ (null));
  const read = signal(0);
  const busy = signal(true);
  const problem = signal(/** @type {unknown} */ (undefined));

  const search = async () => {
    busy.value = true;
    problem.value = undefined;
    try {
      const page = await api.audit({ app, user, before: next.peek(), limit: PAGE });
      entries.value = [...entries.peek(), ...page.entries];
      read.value += page.scanned;
      next.value = page.next ?? null;
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

/** @param {Schema<'AuditEntryView'>} entry */
function whenAndWho({ at_ms, who, from }) {
  return [time(at_ms), h('div', { class: 'soft small' }, h('code', {}, who), from && ` · ${from}`)];
}

/** What an entry did. @param {any} entry */
function what(entry) {
  const { outcome, after } = entry;
  const tags = after?.tags ?? [];
  return [
    outcome !== 'done' && h('span', { class: 'badge bad' }, outcome),
    ' ',
    words(entry),
    ' ',
    tags.map((/** @type {string} */ tag) => [h('code', {}, tag), ' ']),
  ];
}
