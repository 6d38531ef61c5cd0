// Numbers for people: counts, sizes, durations, in the page's language.

import { language } from '../i18n/language.js';

const locale = () => (language.value === 'zh' ? 'zh-CN' : 'en-GB');

/** A number with all its digits, in groups. @param {number | bigint} value @param {number} [digits] after the point, at most */
export function count(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** @param {number} value of bytes */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log2(value) / 10));
  return `${count(value / 1024 ** power, power === 0 ? 0 : 1)} ${units[power]}`;
}

/** A duration in its two largest units. @param {number} ms */
export function duration(ms) {
  const unitText = (/** @type {number} */ number, /** @type {string} */ unit) => new Intl.NumberFormat(
    locale(),
    { style: 'unit', unit, unitDisplay: 'short' },
  ).format(number);
  if (ms > 0 && ms < 1000) return unitText(Math.ceil(ms), 'millisecond');
  const seconds = Math.round(ms / 1000);
  const parts = /** @type {[number, string][]} */ ([
    [Math.floor(seconds / 86400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ]);
  const first = parts.findIndex(([number]) => number > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([number], index) => index === 0 || number > 0);
  return shown.map(([number, unit]) => unitText(number, unit)).join(' ');
}
