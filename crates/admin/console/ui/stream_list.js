// A list of what the emulator recorded, as it comes, beside the details of the entry that is chosen: filter, pause, clear.

import { computed, effect, h, signal, untracked } from './dom.js';
import { table } from './table.js';
import { needs } from '../state.js';
import { connected, problem } from '../stream.js';
import { t } from '../i18n/language.js';

/** A browser stays quick with this many rows; older ones are a click away. */
const ROWS_MAX = 300;
const wasConnected = signal(false);
effect(() => {
  if (connected.value) wasConnected.value = true;
});

/**
 * @template T
 * @param {{
 *   entries: { value: T[], peek: () => T[] },
 *   keyOf: (entry: T) => string | number,
 *   label: string,
 *   columns: import('./table.js').Column<T>[],
 *   filter: { text: { value: string }, label: string, textOf: (entry: T) => string },
 *   visible: (entry: T) => boolean,
 *   choices: import('./dom.js').Child,
 *   notes?: import('./dom.js').Child,
 *   empty: () => import('./dom.js').Child,
 *   chosen: { value: string | number | null },
 *   detail: (entry: T) => import('./dom.js').Child,
 *   clear: () => void,
 * }} list `entries` newest first; `visible` may read signals; `empty` is for a list that nothing was filtered out of
 */
export function streamList({ entries, keyOf, label, columns, filter, visible, choices, notes, empty, chosen, detail, clear }) {
  /** What was there when the list was stopped; null while it runs. */
  const stopped = signal(/** @type {T[] | null} */ (null));
  /** How many of the newest are skipped, so that older ones are shown; a page of them does not move while others come. */
  const page = signal(/** @type {{ before: T } | null} */ (null));
  const source = () => stopped.value ?? entries.value;
  const matching = computed(() => {
    const test = filterTest(filter.text.value, filter.textOf);
    return source().filter((entry) => visible(entry) && test(entry));
  });
  const from = () => {
    const at = page.value ? matching.value.indexOf(page.value.before) + 1 : 0;
    return Math.max(at, 0);
  };
  const rows = computed(() => matching.value.slice(from(), from() + ROWS_MAX));
  const older = () => (page.value = { before: rows.peek()[ROWS_MAX - 1] });
  const fresh = () => {
    const first = stopped.value?.[0];
    const at = first ? entries.value.indexOf(first) : entries.value.length;
    return at < 0 ? entries.value.length : at;
  };
  const card = h('section', { class: 'card', 'aria-label': t('list.detail'), tabindex: '-1' });

  const held = signal(/** @type {T | null} */ (null));
  effect(() => {
    const key = chosen.value;
    const before = held.peek();
    // An entry that is looked at stays when the list moves past it.
    if (before && keyOf(before) === key) return;
    held.value = key === null ? null : (source().find((entry) => keyOf(entry) === key) ?? null);
  });
  card.append(h('div', {}, () => {
    const entry = held.value;
    if (entry) return untracked(() => detail(entry));
    return h('div', { class: 'empty' }, chosen.value === null ? t('list.choose') : t('list.gone', { id: chosen.value }));
  }));
  effect(() => {
    const below = held.value && matchMedia('(max-width: 900px)').matches;
    if (below) requestAnimationFrame(() => card.scrollIntoView({ block: 'start' }));
  });

  return h('div', {},
    h('div', { class: 'row list-bar' },
      h('input', {
        type: 'search', 'data-filter': '', 'aria-label': filter.label, placeholder: filter.label, autocomplete: 'off', spellcheck: 'false',
        value: () => filter.text.value, oninput: (/** @type {any} */ event) => (filter.text.value = event.target.value),
      }),
      choices,
      h('span', { class: 'grow' }),
      h('span', { class: 'small soft', role: 'status' }, stateText),
      h('button', {
        'aria-pressed': () => String(stopped.value !== null),
        onclick: () => (stopped.value = stopped.peek() === null ? entries.peek() : null),
      }, () => (stopped.value === null ? t('pause') : t('list.resume', { n: fresh() }))),
      h('button', needs('operator', { onclick: () => { stopped.value = null; page.value = null; clear(); } }), t('list.clear'))),
    notes,
    h('div', { class: 'split' },
      h('section', { class: 'card list-card' },
        table({
          label, rows: () => rows.value, keyOf, columns, chosen,
          empty: () => (source().length === 0 ? empty() : t('list.none')),
        }),
        () => (page.value || matching.value.length > ROWS_MAX) && h('div', { class: 'row list-more' },
          page.value && h('button', { onclick: () => (page.value = null) }, t('list.newest')),
          () => matching.value.length > from() + ROWS_MAX && h('button', { onclick: older }, t('list.older')),
          h('span', { class: 'small soft' }, () =>
            t('list.range', { from: from() + 1, to: from() + rows.value.length, all: matching.value.length })))),
      card));
}

function stateText() {
  if (connected.value) return [h('span', { class: 'live-dot', 'aria-hidden': 'true' }), t('list.live')];
  const key = wasConnected.value || problem.value ? 'list.lost' : 'list.connecting';
  return h('span', { class: 'badge warn', title: problem.value || null }, t(key));
}

/**
 * Whether an entry has every word of a filter. The answer is remembered for each entry, since a list is filtered again with
 * every call that comes.
 * @template T
 * @param {string} text @param {(entry: T) => string} textOf
 * @returns {(entry: T) => boolean}
 */
function filterTest(text, textOf) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return () => true;
  /** @type {WeakMap<any, boolean>} */
  const known = new WeakMap();
  return (entry) => {
    let found = known.get(entry);
    if (found === undefined) {
      const whole = textOf(entry).toLowerCase();
      known.set(entry, (found = words.every((word) => whole.includes(word))));
    }
    return found;
  };
}
