// Times for people: in the local zone, with UTC where the pointer rests.

import { h } from './dom.js';
import { language } from '../i18n/language.js';

/** @param {number} ms Unix milliseconds */
export function time(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return h('time', { datetime: date.toISOString(), title: date.toISOString() }, timeText(ms));
}

/** The same as a text. @param {number} ms Unix milliseconds */
export function timeText(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  return new Intl.DateTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB', { dateStyle: 'medium', timeStyle: 'medium' }).format(date);
}

/** The time of day with milliseconds. @param {number} ms Unix milliseconds */
export function clockTime(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const two = (/** @type {number} */ number, width = 2) => String(number).padStart(width, '0');
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
  return h('time', { datetime: date.toISOString(), title: date.toISOString() }, text);
}
