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
