// Charts of the whole server, with a past: the server keeps a quarter of an hour in steps of 5 seconds, and a day in minutes.

import { chartCard } from '../../ui/chart.js';
import { h, signal } from '../../ui/dom.js';
import { t } from '../../i18n/language.js';
import { rates } from './rates.js';

/** The periods that can be chosen: the server's names of them. */
const PERIODS = /** @type {const} */ (['fine', 'coarse']);

/** @typedef {import('./samples.js').Point} Point */
/** @typedef {import('./samples.js').Sample} Sample */

/** When a reading was taken. @param {Point} point */
export const atOf = ({ at_ms }) => at_ms;

/** @param {() => Sample | undefined} last the last reading */
export function charts(last) {
  const period = signal(/** @type {'fine' | 'coarse'} */ ('fine'));
  const points = () => last()?.past[period.value] ?? [];
  const values = (/** @type {(point: Point) => number | null} */ value) => points().map(value);
  const card = (/** @type {string} */ title, /** @type {() => import('../../ui/chart.js').Line[]} */ lines) =>
    chartCard({ title, times: () => points().map(atOf), lines });
  return [
    h('div', { class: 'row chart-periods', role: 'group', 'aria-label': t('overview.period') }, PERIODS.map((one) =>
      h('button', { type: 'button', 'aria-pressed': () => String(period.value === one), onclick: () => (period.value = one) },
        t(/** @type {any} */ (`overview.period.${one}`))))),
    h('div', { class: 'split' },
      card(t('overview.calls'), () => [
        { title: t('overview.all'), values: rates(points(), atOf, ({ calls }) => calls) },
        { title: t('overview.notOk'), values: rates(points(), atOf, ({ failed }) => failed) },
      ]),
      card(t('overview.latency'), () => [
        { title: 'p50', values: values(({ p50 }) => milliseconds(p50)) },
        { title: 'p99', values: values(({ p99 }) => milliseconds(p99)) },
      ]),
      card(t('overview.commits'), () => [
        { title: t('overview.changes'), values: rates(points(), atOf, ({ changes }) => changes) },
        { title: t('overview.syncs'), values: rates(points(), atOf, ({ commits }) => commits) },
      ]),
      card(t('overview.backlog'), () => [
        { title: t('overview.waiting'), values: values(({ webhook_waiting }) => webhook_waiting) },
        { title: t('overview.parked'), values: values(({ webhook_parked }) => webhook_parked) },
      ])),
  ];
}

/** @param {number | null} seconds */
function milliseconds(seconds) {
  return seconds === null ? null : seconds * 1000;
}
