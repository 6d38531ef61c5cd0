// Inputs, keys and tabs.

// Labelled inputs that follow a signal.

import { h } from './dom.js';

/** @typedef {{ value: string }} TextSignal */

/** @param {string} label @param {TextSignal} value @param {Record<string, any>} [attributes] @param {import('./dom.js').Child} [below] */
export function textField(label, value, attributes = {}, below) {
  const input = h('input', { value: () => value.value, oninput: (/** @type {any} */ event) => (value.value = event.target.value), autocomplete: 'off', spellcheck: 'false', ...attributes });
  return h('label', { class: 'field' }, h('span', {}, label), input, below);
}

/**
 * @param {string} label @param {TextSignal} value
 * @param {() => [string, string][]} options each with its value and its text
 * @param {Record<string, any>} [attributes]
 */
export function selectField(label, value, options, attributes = {}) {
  const select = h('select', { onchange: () => (value.value = select.value), ...attributes }, () =>
    options().map(([one, text]) => h('option', { value: one, selected: one === value.value }, text)),
  );
  return h('label', { class: 'field' }, h('span', {}, label), select);
}

/** @param {string} label @param {{ value: boolean }} value @param {Record<string, any>} [attributes] */
export function checkField(label, value, attributes = {}) {
  return h('label', { class: 'check' },
    h('input', { type: 'checkbox', checked: () => value.value, onchange: (/** @type {any} */ event) => (value.value = event.target.checked), ...attributes }),
    label);
}

// Keys that several forms share.

/**
 * A listener that runs something at Ctrl+Enter, where the form's own button could.
 * @param {(event: KeyboardEvent) => unknown} run
 */
export function onCtrlEnter(run) {
  return (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const button = /** @type {HTMLElement} */ (event.currentTarget).querySelector('button.primary');
    if (!(/** @type {HTMLButtonElement | null} */ (button)?.disabled)) void run(event);
  };
}

// Tabs, with the keys that screen readers' users expect.

/**
 * @param {string} label of the whole
 * @param {{ value: string }} chosen the id of the open tab
 * @param {{ id: string, title: () => string, content: () => import('./dom.js').Child }[]} tabs
 * @returns {{ list: Node, panel: Node }}
 */
export function tabs(label, chosen, tabs) {
  const panel = `panel-${tabs[0].id}`;
  const buttons = tabs.map(({ id, title }) =>
    h('button', {
      type: 'button', role: 'tab', id: `tab-${id}`, 'aria-controls': panel,
      'aria-selected': () => String(chosen.value === id), tabindex: () => (chosen.value === id ? '0' : '-1'),
      onclick: () => (chosen.value = id),
    }, title),
  );
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = tabs.findIndex(({ id }) => id === chosen.value);
    const next = (place + step + tabs.length) % tabs.length;
    chosen.value = tabs[next].id;
    buttons[next].focus();
  };
  return {
    list: h('div', { class: 'tabs', role: 'tablist', 'aria-label': label, onkeydown: move }, buttons),
    panel: h('div', { role: 'tabpanel', id: panel, 'aria-labelledby': () => `tab-${chosen.value}` }, () =>
      tabs.find(({ id }) => id === chosen.value)?.content()),
  };
}
