// The server at a glance: figures, charts with a past, answers by command and code, warnings.

import { address } from '../app.js';
import { isDev } from '../state.js';
import { computed, h } from '../ui/dom.js';
import { codeBadge, meaningOf } from '../ui/explain.js';
import { failure } from '../ui/load.js';
import { bytes, count, duration } from '../ui/numbers.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';
import { atOf, charts } from './overview/charts.js';
import { rates } from './overview/rates.js';
import { answered, startSampling } from './overview/samples.js';
import { warnings } from './overview/warnings.js';

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
    h('p', { class: 'soft small' }, t('overview.charts')),
    answersTable(last));
}

/** @param {import('./overview/warnings.js').Warning} warning */
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
        { title: t('overview.column.command'), cell: ({ command }) => h('code', {}, command) },
        { title: t('overview.column.code'), cell: ({ code }) => codeBadge(code) },
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
