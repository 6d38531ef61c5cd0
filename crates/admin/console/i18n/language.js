// The language of the page: chosen, or the browser's; and the texts in it.

import { signal } from '../ui/dom.js';
import en from './en.js';
import zh from './zh.js';

const KEPT = 'portraitd.language';
const TEXTS = { en, zh };
/** @typedef {'en' | 'zh'} Language */

/** @returns {Language} */
function initial() {
  const chosen = localStorage.getItem(KEPT);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const asked = navigator.languages.find((name) => name.startsWith('en') || name.startsWith('zh'));
  return asked?.startsWith('zh') ? 'zh' : 'en';
}

export const language = signal(initial());

/** @param {Language} chosen */
export function chooseLanguage(chosen) {
  localStorage.setItem(KEPT, chosen);
  language.value = chosen;
}

/**
 * The text of a key in the page's language. `{name}` in it stands for a value; a text that is a function decides by them,
 * for plurals.
 * @param {keyof typeof en} key
 * @param {Record<string, any>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = /** @type {any} */ (TEXTS[language.value])[key] ?? /** @type {any} */ (en)[key] ?? key;
  if (typeof text === 'function') return text(values);
  return text.replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ name) => values[name] ?? whole);
}
