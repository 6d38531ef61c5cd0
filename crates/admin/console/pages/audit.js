// The audit log: who changed what, newest first. It never refreshes by itself, so that what is read does not move.

import * as api from '../api.js';
import { apps } from '../state.js';
import { computed, effect, h, signal, untracked } from '../ui/dom.js';
import { diff } from '../ui/diff.js';
import { selectField, textField } from '../ui/field.js';
import { failure } from '../ui/load.js';
import { table } from '../ui/table.js';
import { time } from '../ui/time.js';
import { t } from '../i18n/language.js';

const PAGE = 100;

/** @param {{ query: URLSearchParams }} address `?app=N` and `?who=NAME` fill the filters in */
export default function audit({ query }) {
  const [app, who] = [signal(query.get('app') ?? ''), signal(query.get('who') ?? '')];
  const state = signal(
    /** @type {{ entries: Schema<'AuditEntryView'>[], next?: number | null, error?: unknown, loading: boolean }} */ ({ entries: [], loading: true }),
  );
  /** Counts the lists that were begun, so that a late page of an earlier one is left out. */
  let begun = 0;
  const load = async (/** @type {boolean} */ more) => {
    const own = more ? begun : (begun += 1);
    const { entries, next } = state.peek();
    state.value = { ...state.peek(), error: undefined, loading: true };
    try {
      const page = await api.audit({ app: Number(app.peek()) || null, before: more ? next : undefined, limit: PAGE });
      if (own === begun) state.value = { entries: more ? [...entries, ...page.entries] : page.entries, next: page.next, loading: false };
    } catch (error) {
      if (own === begun) state.value = { entries: more ? entries : [], next: more ? next : undefined, error, loading: false };
    }
  };
  effect(() => {
    void app.value;
    void untracked(() => load(false));
  });
  const searched = (/** @type {Schema<'AuditEntryView'>} */ entry) => `${entry.who} ${entry.from ?? ''} ${entry.resource}`;
  const shown = computed(() => state.value.entries.filter((entry) => searched(entry).includes(who.value.trim())));
  return h('div', {},
    h('div', { class: 'head' },
      h('div', {}, h('h1', {}, t('page.audit')), h('p', { class: 'soft' }, t('audit.about'))),
      h('button', { onclick: () => load(false) }, t('audit.refresh'))),
    h('div', { class: 'audit-filter' },
      selectField(
        t('audit.app'),
        app,
        () => [
          ['', t('audit.all')],
          ...apps.value.map(({ sdkappid, name }) => /** @type {[string, string]} */ ([String(sdkappid), `${sdkappid} ${name}`])),
        ],
      ),
      textField(t('audit.who'), who, { 'data-filter': true, type: 'search' })),
    () => state.value.error !== undefined && failure(state.value.error, () => load(false)),
    h('section', { class: 'card audit-list' }, table({
      label: t('page.audit'),
      rows: () => shown.value,
      keyOf: ({ place }) => place,
      columns: [
        { title: t('audit.column.when'), cell: ({ at_ms: at }) => time(at) },
        { title: t('audit.column.who'), cell: ({ who, from }) => [h('b', {}, who), from && h('div', { class: 'soft small' }, from)] },
        {
          title: t('audit.column.what'),
          cell: ({ method, resource, outcome }) => [
            h('code', {}, `${method} ${resource}`),
            outcome !== 'done' && h('div', {}, h('span', { class: 'badge bad' }, outcome)),
          ],
        },
        { title: t('audit.column.change'), cell: ({ before, after }) => diff(before, after) },
      ],
      empty: () => {
        if (state.value.loading) return t('loading');
        return state.value.entries.length > 0 ? t('audit.noneShown') : [t('audit.none'), ' ', h('code', {}, 'portraitd audit')];
      },
    })),
    h('div', { class: 'row' },
      () => state.value.next !== undefined && h('button', { disabled: state.value.loading, onclick: () => load(true) }, t('audit.more')),
      h(
        'span',
        { class: 'soft small', role: 'status' },
        () => t('audit.count', { shown: shown.value.length, loaded: state.value.entries.length }),
      )));
}
