// Copying to the clipboard. Without HTTPS, and not on this machine, browsers have no `navigator.clipboard`.

import { h } from './dom.js';
import { attempt } from './load.js';
import { toast } from './toast.js';
import { t } from '../i18n/language.js';

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', { class: 'skip', value: text });
    // Outside of an open dialog nothing can be selected.
    (document.querySelector('dialog[open]') ?? document.body).appendChild(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(t('copied'));
}

/** A button that copies. @param {() => string | Promise<string>} text @param {string} [label] */
export function copyButton(text, label) {
  return h('button', { type: 'button', onclick: () => attempt(async () => copy(await text())) }, label ?? t('copy'));
}
