// The audit log: who changed what, newest first. It never refreshes by itself, so that what is read does not move. The server
// filters; a search reads a part of the log at a time.

import * as api from '../api.js';
import { apps } from '../state.js';
import { effect, h, signal, untracked } from '../ui/dom.js';
import { diff } from '../ui/diff.js';
import { selectField, textField } from '../ui/field.js';
import { failure } from '../ui/load.js';
import { table } from '../ui/table.js';
import { time } from '../ui/time.js';
import { visible } from '../ui/visible.js';
import { t } from '../i18n/language.js';
import { words } from './audit/words.js';

const PAGE = 100;

/** @param {{ query: URLSearchParams }} address `?app=N`, `?who=NAME` and `?user=ID` fill the filters in */
export default function audit({ query }) {
  const [app, who, user] = ['app', 'who', 'user'].map((name) => signal(query.get(name) ?? ''));
  const names = signal(/** @type {string[]} */ ([]));
  const state = signal(
    /** @type {{ entries: Schema<'AuditEntryView'>[], next?: number | null, read: number, error?: unknown, loading: boolean }} */ ({ entries: [], read: 0, loading: true }),
  );
  /** Of the list that is shown; what is typed since counts with the next search. */
  let filter = {};
  /** Counts the lists that were begun, so that a late page of an earlier one is left out. */
  let begun = 0;
  const load = async (/** @type {boolean} */ more) => {
    const own = more ? begun : (begun += 1);
    const { entries, next, read } = state.peek();
    if (!more) filter = { app: app.peek(), who: who.peek().trim(), user: user.peek() };
    state.value = { ...state.peek(), error: undefined, loading: true };
    try {
      const page = await api.audit({ ...filter, before: more ? next : undefined, limit: PAGE });
      if (own !== begun) return;
      state.value = more
        ? { entries: [...entries, ...page.entries], next: page.next, read: read + page.scanned, loading: false }
        : { entries: page.entries, next: page.next, read: page.scanned, loading: false };
    } catch (error) {
      if (own === begun) state.value = { entries: more ? entries : [], next: more ? next : undefined, read: more ? read : 0, error, loading: false };
    }
  };
  effect(() => {
    void app.value;
    void untracked(() => load(false));
  });
  // For the list of names to choose from; without it names are typed.
  api.tokens().then((tokens) => (names.value = tokens.map(({ name }) => name)), () => {});
  const search = (/** @type {Event} */ event) => {
    event.preventDefault();
    void load(false);
  };
  const isFiltered = () => Object.values(filter).some((value) => value !== '');
  return h('div', {},
    h('div', { class: 'head' },
      h('div', {}, h('h1', {}, t('page.audit')), h('p', { class: 'soft' }, t('audit.about'))),
      h('button', { onclick: () => load(false) }, t('audit.refresh'))),
    h('form', { class: 'audit-filter', onsubmit: search },
      selectField(
        t('audit.app'),
        app,
        () => [
          ['', t('audit.all')],
          ...apps.value.map(({ sdkappid, name }) => /** @type {[string, string]} */ ([String(sdkappid), `${sdkappid} ${name}`])),
        ],
      ),
      textField(t('audit.who'), who, { 'data-filter': true, type: 'search', name: 'who', list: 'audit-names' }),
      h('datalist', { id: 'audit-names' }, () => names.value.map((name) => h('option', { value: name }))),
      textField(t('audit.user'), user, { type: 'search', name: 'user' }),
      h('button', {}, t('audit.search'))),
    () => state.value.error !== undefined && failure(state.value.error, () => load(false)),
    h('section', { class: 'card audit-list' }, table({
      label: t('page.audit'),
      rows: () => state.value.entries,
      keyOf: ({ place }) => place,
      columns: [
        { title: t('audit.column.when'), cell: ({ at_ms: at }) => time(at) },
        { title: t('audit.column.who'), cell: caller },
        { title: t('audit.column.what'), cell: what },
        { title: t('audit.column.change'), cell: ({ before, after }) => diff(before, after) },
      ],
      empty: () => () => state.value.loading ? t('loading') : isFiltered() ? t('audit.noneFound') : [t('audit.none'), ' ', h('code', {}, 'portraitd audit')],
    })),
    h('div', { class: 'row' },
      () => state.value.next !== undefined && h('button', { disabled: state.value.loading, onclick: () => load(true) }, t('audit.more')),
      h(
        'span',
        { class: 'soft small', role: 'status' },
        () => t('audit.count', { shown: state.value.entries.length, read: state.value.read }),
      )));
}

/** @param {any} entry */
function caller({ who, role, from }) {
  const details = [role && t(/** @type {any} */ (`role.${role}`)), from].filter(Boolean).join(' · ');
  return [h('b', {}, who), details && h('div', { class: 'soft small' }, details)];
}

/** @param {any} entry */
function what(entry) {
  const { method, resource, outcome } = entry;
  return [
    outcome !== 'done' && h('div', {}, h('span', { class: 'badge bad' }, outcome)),
    h('div', {}, visible(words(entry))),
    h('div', { class: 'small soft' }, h('code', {}, `${method} ${resource}`)),
  ];
}
