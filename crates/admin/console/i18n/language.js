// The language of the page: chosen, or the browser's; and the texts in it. Only the texts of that language are loaded.

import { signal } from '../ui/dom.js';

const KEPT = 'portraitd.language';
/** @typedef {'en' | 'zh'} Language */
/** @typedef {typeof import('./en.js').default} Texts */

/** @returns {Language} */
function initial() {
  const chosen = localStorage.getItem(KEPT);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const asked = navigator.languages.find((name) => name.startsWith('en') || name.startsWith('zh'));
  return asked?.startsWith('zh') ? 'zh' : 'en';
}

/** @param {Language} wanted @returns {Promise<Texts>} */
const load = async (wanted) => (await import(`./${wanted}.js`)).default;

export const language = signal(initial());
let texts = await load(language.peek());

/** @param {Language} chosen */
export async function chooseLanguage(chosen) {
  texts = await load(chosen);
  localStorage.setItem(KEPT, chosen);
  language.value = chosen;
}

/**
 * The text of a key in the page's language. `{name}` in it stands for a value; a text that is a function decides by them,
 * for plurals.
 * @param {keyof Texts} key
 * @param {Record<string, any>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  // What shows a text is made again when the language changes.
  void language.value;
  const text = /** @type {any} */ (texts)[key] ?? key;
  if (typeof text === 'function') return text(values);
  return text.replace(/\{(\w+)\}/g, (/** @type {string} */ whole, /** @type {string} */ name) => values[name] ?? whole);
}
