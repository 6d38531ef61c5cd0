// Charts of the whole server, with a past: the server keeps a quarter of an hour in steps of 5 seconds, and a day in minutes.

import * as api from '../../api.js';
import { chartCard } from '../../ui/chart.js';
import { effect, h, signal, untracked } from '../../ui/dom.js';
import { t } from '../../i18n/language.js';
import { rates } from './rates.js';

/** The periods that can be chosen: the server's names of them. */
const PERIODS = /** @type {const} */ (['fine', 'coarse']);

/** @typedef {{ at_ms: number, calls: number, failed: number, p50: number | null, p99: number | null, changes: number, commits: number, webhook_waiting: number, webhook_parked: number }} Point */

/** @param {() => unknown} reading is followed: each reading of the page asks for the past again */
export function charts(reading) {
  const period = signal(/** @type {'fine' | 'coarse'} */ ('fine'));
  const past = signal(/** @type {{ fine: Point[], coarse: Point[] }} */ ({ fine: [], coarse: [] }));
  effect(() => {
    reading();
    // The page says why when the server can't be reached.
    untracked(() => api.series().then((points) => (past.value = points), () => {}));
  });
  const points = () => past.value[period.value];
  const atOf = (/** @type {Point} */ { at_ms }) => at_ms;
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
