// Fault rules in words.

import { t } from '../../i18n/language.js';

/** The emulator's names of effects, and the ends of their texts' keys. @type {Record<string, string>} */
const LABELS = {
  'closed before': 'before', 'closed after, answer lost': 'after', 'cut-body': 'cut-body', 'cut-json': 'cut-json',
  empty: 'empty', html: 'html', late: 'late',
};

/** The effect of a rule, in the page's language. @param {string} label as the emulator names it */
export function effectWords(label) {
  const [, name, number] = /^(code|a byte every) (\d+)/.exec(label) ?? [];
  if (name === 'code') return t('faults.did_code', { code: number });
  if (name) return t('faults.did_drip', { ms: number });
  const key = LABELS[label];
  return key ? t(/** @type {any} */ (`faults.did_${key}`)) : label;
}

/** Whether a fault kept the answer from its caller, whatever it was. @param {any} call a record of the emulator */
export const isLost = (call) => call.fault?.effect.startsWith('closed') ?? false;

/** How often a rule fires. @param {FaultRule} rule */
export function oftenWords(rule) {
  if (rule.next !== undefined) return t('faults.often_next', { n: rule.next });
  if (rule.probability !== undefined) return t('faults.often_percent', { percent: percentOf(rule.probability), seed: rule.seed });
  return t('faults.often_always');
}

/** A probability as a percentage, without the digits that binary fractions add. @param {number} probability */
export const percentOf = (probability) => Number((probability * 100).toPrecision(12));
