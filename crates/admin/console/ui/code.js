// JSON and other text in colours, with a button that copies it.

import { h } from './dom.js';
import { tokens } from './json.js';
import { copyButton } from './clipboard.js';

/** The coloured tokens of a JSON text. @param {string} text */
export function coloured(text) {
  return tokens(text).map(({ text, kind }) =>
    kind === '' ? text : h('span', { class: kind === 'number' ? 'number-token' : kind }, text),
  );
}

/** A name that goes on in the next line after an underscore, and nowhere else. @param {string} name */
export function breakable(name) {
  return h('span', { class: 'breakable' }, name.split(/(?<=_)/).map((part) => [part, h('wbr')]));
}

/** A block of JSON. @param {string} text as it is shown and copied */
export function jsonBlock(text) {
  return h('div', { class: 'json' }, copyButton(() => text), h('pre', { tabindex: '0' }, coloured(text)));
}

/** A block of any text. `whole` is what is copied, where that is more than is shown. */
export function textBlock(/** @type {string} */ text, /** @type {() => string | Promise<string>} */ whole = () => text) {
  return h('div', { class: 'json' }, copyButton(whole), h('pre', { tabindex: '0' }, text));
}
