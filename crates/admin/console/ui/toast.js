// Short messages in the corner, read out by screen readers.

import { h } from './dom.js';

const SHOWN_MS = 6000;
const list = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
document.body.appendChild(list);

/** @param {string} text @param {'good' | 'bad'} [kind] */
export function toast(text, kind = 'good') {
  const message = h('div', { class: kind }, text);
  list.appendChild(message);
  setTimeout(() => message.remove(), SHOWN_MS);
}
