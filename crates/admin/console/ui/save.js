// Saving a file that the page made.

import { h } from './dom.js';

/** How long the file's address stays, so that the browser can begin to read it. */
const KEPT_MS = 60_000;

/** Saves parts as a file. @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const href = URL.createObjectURL(blob);
  const link = h('a', { href, download: name, class: 'skip', tabindex: '-1' });
  document.body.appendChild(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
}
