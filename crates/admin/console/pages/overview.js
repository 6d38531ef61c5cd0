// The server at a glance: figures, charts with a past, answers by command and code, warnings.

import { address } from '../app.js';
import { isDev } from '../state.js';
import { codeBadge, meaningOf } from '../ui/code.js';
import { computed, h, signal } from '../ui/dom.js';
import { bytes, count, duration, timeOfDay } from '../ui/format.js';
import { failure } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';
import { answered, startSampling, warnings } from './overview/samples.js';

/** @typedef {import('./overview/samples.js').Sample} Sample */

/** @param {{ app: number }} address */
export default function overview({ app }) {
  const { samples, failed } = startSampling(app);
  const last = () => samples.value.at(-1);
  // As text, so that warnings that stay are not read out again with each reading.
  const found = computed(() => JSON.stringify(warnings(samples.value)));
  return h('div', {},
    h('div', { class: 'head' }, h('div', {},
      h('h1', {}, t('page.overview')),
      h('p', { class: 'soft' }, isDev() ? t('overview.aboutDev', { app }) : t('overview.about')))),
    () => app === 0 && h('div', { class: 'note overview-note' }, t('app.none'), ' ', h('a', { href: address('apps') }, t('page.apps'))),
    () => failed.value !== undefined && h('div', { class: 'card' }, failure(failed.value)),
    h('div', { role: 'status' }, () => JSON.parse(found.value).map(warningNote)),
    () => (last() ? tiles(/** @type {Sample} */ (last()), app) : failed.value === undefined && h('p', { class: 'soft', role: 'status' }, t('loading'))),
    charts(last),
    h('p', { class: 'soft small' }, t('overview.charts'), ' ', () => last()?.past.node),
    answersTable(last));
}

/** @param {import('./overview/samples.js').Warning} warning */
function warningNote({ kind, text, page, app }) {
  return h('div', { class: `note overview-note ${kind}` },
    h('b', {}, text),
    page && h('a', { href: `#/${app}/${page}` }, t(/** @type {any} */ (`page.${page}`))));
}

/** @param {Sample} sample @param {number} app */
function tiles(sample, app) {
  const tile = (/** @type {import('../ui/dom.js').Child} */ value, /** @type {string} */ text) => h(
    'div',
    { class: 'tile' },
    h('b', {}, value),
    h('span', { class: 'soft small' }, text),
  );
  const { fine } = sample.past;
  const [rate, now] = [rates(fine.slice(-2), atOf, ({ calls }) => calls).at(-1) ?? null, fine.at(-1)];
  const [metrics, ready] = [sample.metrics, sample.ready === null];
  const [free, kept, ends] = [
    'store_disk_free_bytes',
    'store_disk_kept_bytes',
    'tls_certificate_ends_timestamp_seconds',
  ].map((name) => metrics?.max(name));
  return h('div', { class: 'tiles' },
    tile(rate === null ? '…' : count(rate, 1), t('overview.tile.calls')),
    tile(typeof now?.p99 === 'number' ? `${count(now.p99 * 1000, 2)} ms` : '–', t('overview.tile.p99')),
    tile(count(answered(sample, true)), t('overview.tile.failed')),
    app !== 0 && tile(count(sample.accounts), t('overview.tile.accounts', { app })),
    tile(`${count(now?.commits ?? 0)} / ${count(now?.changes ?? 0)}`, t('overview.tile.commits')),
    !isDev() && tile(
      h('span', { class: `badge ${ready ? 'good' : 'bad'}` }, ready ? t('overview.ready') : t('overview.notReady')),
      t('overview.tile.ready'),
    ),
    Boolean(kept) && tile(bytes(free ?? 0), t('overview.tile.disk', { kept: bytes(kept ?? 0) })),
    ends !== undefined && tile(duration(ends * 1000 - sample.at), t('overview.tile.certificate')));
}

/** @param {() => Sample | undefined} last */
function answersTable(last) {
  const rows = () => [...(last()?.answers ?? [])]
    .flatMap(([command, codes]) => [...codes].map(([code, number]) => ({ command, code, number })))
    .sort((one, other) => one.command.localeCompare(other.command) || one.code - other.code);
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('overview.answers'))),
    table({
      label: t('overview.answers'),
      rows,
      keyOf: ({ command, code }) => `${command} ${code}`,
      columns: [
        { title: t('command'), cell: ({ command }) => h('code', {}, command) },
        { title: t('code'), cell: ({ code }) => codeBadge(code) },
        { title: t('overview.column.meaning'), cell: ({ code }) => meaningOf(code) },
        { title: t('overview.column.number'), number: true, cell: ({ number }) => count(number) },
      ],
      empty: () => [
        t('overview.noCalls'),
        ' ',
        h('code', {}, isDev() ? 'eval "$(portraitd env)" && portraitd get alice' : 'portraitd get alice'),
      ],
    }));
}

// Charts of the whole server, with a past: the server keeps a quarter of an hour in steps of 5 seconds, and a day in minutes.

/** The periods that can be chosen: the server's names of them. */
const PERIODS = /** @type {const} */ (['fine', 'coarse']);

/** @typedef {import('./overview/samples.js').Point} Point */

/** When a reading was taken. @param {Point} point */
const atOf = ({ at_ms }) => at_ms;

/** @param {() => Sample | undefined} last the last reading */
function charts(last) {
  const period = signal(/** @type {'fine' | 'coarse'} */ ('fine'));
  const points = () => last()?.past[period.value] ?? [];
  const values = (/** @type {(point: Point) => number | null} */ value) => points().map(value);
  const card = (/** @type {string} */ title, /** @type {() => Line[]} */ lines) =>
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

// Rates of counts that only grow.

/**
 * How much a count grew a second, for each reading; null for the first.
 * @template T
 * @param {T[]} readings
 * @param {(reading: T) => number} at in Unix milliseconds
 * @param {(reading: T) => number} value
 */
function rates(readings, at, value) {
  return readings.map((reading, index) => {
    const before = readings[index - 1];
    return before ? Math.max(0, value(reading) - value(before)) / ((at(reading) - at(before)) / 1000) : null;
  });
}

// A small chart of lines over time.

const [WIDTH, HEIGHT] = [600, 120];

/** @typedef {{ title: string, values: (number | null)[] }} Line one value for each time; null where there is none */

/**
 * A card with a chart. The lines have the classes `line-1`, `line-2` … in their order.
 * @param {{ title: string, times: () => number[], lines: () => Line[], format?: (value: number) => string }} chart
 */
function chartCard({ title, times, lines, format = (value) => count(value, 2) }) {
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
