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
