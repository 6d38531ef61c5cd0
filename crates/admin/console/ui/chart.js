// A small chart of lines over time.

import { h } from './dom.js';
import { count } from './numbers.js';
import { timeOfDay } from './time.js';
import { t } from '../i18n/language.js';

const [WIDTH, HEIGHT] = [600, 120];

/** @typedef {{ title: string, values: (number | null)[] }} Line one value for each time; null where there is none */

/**
 * A card with a chart. The lines have the classes `line-1`, `line-2` … in their order.
 * @param {{ title: string, times: () => number[], lines: () => Line[], format?: (value: number) => string }} chart
 */
export function chartCard({ title, times, lines, format = (value) => count(value, 2) }) {
  return h('section', { class: 'card chart-card' },
    h('header', {},
      h('h2', { class: 'grow' }, title),
      h('div', { class: 'row small' }, () =>
        lines().map((line, index) => h('span', { class: `legend-${index + 1}` }, `— ${line.title} ${last(line, format)}`)))),
    h('div', { class: 'body' }, () => drawing(title, times(), lines(), format)));
}

/** @param {Line} line @param {(value: number) => string} format */
function last(line, format) {
  const value = line.values.findLast((one) => one !== null);
  return value === undefined || value === null ? '' : format(value);
}

/** @param {string} title @param {number[]} times @param {Line[]} lines @param {(value: number) => string} format */
function drawing(title, times, lines, format) {
  if (times.length < 2) return h('p', { class: 'empty' }, t('chart.waiting'));
  const top = ceiling(Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const [start, end] = [times[0], times[times.length - 1]];
  const x = (/** @type {number} */ time) => (((time - start) / (end - start)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1);
  /** A gap in the values is a gap in the line. */
  const path = (/** @type {(number | null)[]} */ values) =>
    values.map((value, index) => {
      const step = index === 0 || values[index - 1] === null ? 'M' : 'L';
      return value === null ? '' : `${step}${x(times[index])} ${y(value)}`;
    }).join('');
  const summary = lines.map((line) => `${line.title}: ${last(line, format) || '–'}`).join(', ');
  return [
    h('div', { class: 'soft small' }, format(top)),
    h('svg', {
      class: 'chart',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `${title}. ${summary}`,
    },
      [0, 0.5, 1].map((part) => h('svg:path', { class: 'grid', d: `M0 ${y(top * part)}H${WIDTH}` })),
      lines.map(({ values }, index) => h('svg:path', { class: `line-${index + 1}`, d: path(values) }))),
    h('div', { class: 'row soft small' }, h('span', {}, '0'), h('span', { class: 'grow' }), timeOfDay(start), '–', timeOfDay(end)),
  ];
}

/** The next of 1, 2, 5, 10, 20 … that is not below a value. @param {number} value */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return /** @type {number} */ ([1, 2, 5, 10].find((step) => step * power >= value)) * power;
}
