// A table of rows: keyed, so that a row stays while its item does; chosen with a click, Enter, or the arrow keys.

import { each, effect, h } from './dom.js';

/**
 * @template T
 * @typedef {{ title: string, cell: (item: T) => import('./dom.js').Child, number?: boolean, narrow?: boolean }} Column
 * `narrow`: left out on a phone.
 */

/**
 * @template T
 * @param {{
 *   label: string, rows: () => T[], keyOf: (item: T) => string | number, columns: Column<T>[], empty: () => import('./dom.js').Child,
 *   chosen?: { value: string | number | null },
 * }} table `chosen` is the key of the row that is looked at; without it rows are not chosen
 */
export function table({ label, rows, keyOf, columns, empty, chosen }) {
  const class_ = (/** @type {Column<T>} */ column) => [column.number && 'number', column.narrow && 'hide-narrow'].filter(Boolean).join(' ') || null;
  const row = (/** @type {T} */ item) =>
    h('tr', chosen ? {
      class: 'link', tabindex: '-1', 'aria-selected': () => String(chosen.value === keyOf(item)),
      onclick: () => (chosen.value = keyOf(item)),
      onkeydown: (/** @type {KeyboardEvent} */ event) => onKey(event, item),
    } : {}, columns.map((column) => h('td', { class: class_(column) }, column.cell(item))));
  const onKey = (/** @type {KeyboardEvent} */ event, /** @type {T} */ item) => {
    const element = /** @type {HTMLElement} */ (event.currentTarget);
    const next = { ArrowDown: element.nextElementSibling, ArrowUp: element.previousElementSibling }[event.key];
    if (next instanceof HTMLElement) {
      event.preventDefault();
      next.focus();
      next.click();
    }
    if (event.key === 'Enter' && chosen && event.target === element) chosen.value = keyOf(item);
  };
  const body = h('tbody', {}, each(rows, keyOf, row));
  if (chosen) oneTabStop(body, () => [rows(), chosen.value]);
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    // In a grid, and not in a table, a screen reader tells which row is selected.
    h('table', { role: chosen && 'grid', 'aria-label': label },
      h('thead', {}, h('tr', {}, columns.map((column) => h('th', { scope: 'col', class: class_(column) }, column.title)))),
      body),
    () => rows().length === 0 && h('div', { class: 'empty' }, empty()));
}

/**
 * Has the Tab key stop at one row only, the selected one or the first: the arrow keys lead to the others.
 * @param {HTMLElement} body @param {() => unknown} followed
 */
function oneTabStop(body, followed) {
  /** @type {HTMLElement | null} */
  let stop = null;
  effect(() => {
    followed();
    // When the rows are there.
    queueMicrotask(() => {
      const next = /** @type {HTMLElement | null} */ (body.querySelector('[aria-selected="true"]') ?? body.firstElementChild);
      if (next === stop) return;
      stop?.setAttribute('tabindex', '-1');
      next?.setAttribute('tabindex', '0');
      stop = next;
    });
  });
}
