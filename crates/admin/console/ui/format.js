// Times, numbers, ids, names and fault rules, as people read them; and words, as a shell does.

// Times for people: in the local zone, with UTC where the pointer rests.

import { h } from './dom.js';
import { language, t } from '../i18n/language.js';

/** @param {number} ms Unix milliseconds */
export function time(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return h('time', { datetime: date.toISOString(), title: date.toISOString() }, timeText(ms));
}

/** The same as a text. @param {number} ms Unix milliseconds */
function timeText(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return new Intl.DateTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB', { dateStyle: 'medium', timeStyle: 'medium' }).format(date);
}

/** The time of day with milliseconds. @param {number} ms Unix milliseconds */
export function clockTime(ms) {
  return timeOfDay(ms, (date) => `.${digits(date.getMilliseconds(), 3)}`);
}

/** The time of day with seconds. @param {number} ms Unix milliseconds @param {(date: Date) => string} [more] what follows them */
export function timeOfDay(ms, more = () => '') {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => digits(part, 2)).join(':') + more(date);
  return h('time', { datetime: date.toISOString(), title: date.toISOString() }, text);
}

/** @param {number} number @param {number} width */
function digits(number, width) {
  return String(number).padStart(width, '0');
}

// When a key or a token was last used. The server remembers it while it runs: "not since then" is not "never".

/**
 * @param {number | null | undefined} last @param {number | null | undefined} since when the server began to note uses
 * @param {number | null} created when it was made, if that is known; all three in Unix milliseconds
 */
export function lastUse(last, since, created) {
  if (last !== null && last !== undefined) return time(last);
  if (since === null || since === undefined) return null;
  return h('span', { class: 'soft' }, created !== null && created >= since ? t('use.never') : t('use.notSince', { since: timeText(since) }));
}

// Numbers for people: counts, sizes, durations, in the page's language.

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

// Ids and nicknames as they are. Invisible letters, and letters that turn the direction of writing, are shown by their
// numbers: two ids that look alike are then not taken for each other.

/** A joiner that does not stand in an emoji. */
const JOINER = /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D/u;
/** Control and format characters, and fillers that are drawn as nothing. */
const LETTER = /(?!\u200D)[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\u2800\u3164\u115F\u1160\uFFA0]/u;
/** White space, but a single space between two words. */
const SPACE = /[^\S ]|(?<=^| ) | (?=$)/u;
const HIDDEN = new RegExp(`(${JOINER.source}|${LETTER.source}|${SPACE.source})`, 'u');

/** @param {string} text */
export function visible(text) {
  const parts = text.split(HIDDEN).map((part, index) => (index % 2 === 0 ? part : h('span', { class: 'hidden-letter' }, numberOf(part))));
  return h('bdi', {}, parts);
}

/** @param {string} letter */
function numberOf(letter) {
  return `U+${/** @type {number} */ (letter.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A word that a shell takes as it is. @param {string | number} word */
export function quoted(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

// Fault rules in words.

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

/** How often a rule fires. @param {FaultRule} rule */
export function oftenWords(rule) {
  if (rule.next !== undefined) return t('faults.often_next', { n: rule.next });
  if (rule.probability !== undefined) return t('faults.often_percent', { percent: percentOf(rule.probability), seed: rule.seed });
  return t('faults.often_always');
}

/** A probability as a percentage, without the digits that binary fractions add. @param {number} probability */
const percentOf = (probability) => Number((probability * 100).toPrecision(12));
