// The console's texts, so that a journey finds elements by their labels in both languages.

import en from '../../../admin/console/i18n/en.js';
import zh from '../../../admin/console/i18n/zh.js';

/** @param {string} language @returns {(key: string, values?: object) => string} */
export const textsOf = (language) => (key, values = {}) => {
  const text = { en, zh }[language][key];
  if (text === undefined) throw new Error(`there is no text ${key}`);
  return typeof text === 'function' ? text(values) : text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
};
