// Saving a file: one that the page made, or one that the server sends.

import { h } from './dom.js';

/** How long the file's address stays, so that the browser can begin to read it. */
const KEPT_MS = 60_000;

/** Saves parts as a file. @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const href = URL.createObjectURL(blob);
  saveFrom(href, name);
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}

/** Has the browser save what an address answers, under the answer's own name unless one is given. @param {string} href */
export function saveFrom(href, name = '') {
  const link = h('a', { href, download: name, class: 'skip', tabindex: '-1' });
  document.body.appendChild(link);
  link.click();
  link.remove();
}
