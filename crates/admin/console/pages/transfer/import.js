// The import on the page: a file is chosen or dropped, looked at, sent.

import { apps, fieldsOf, needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { checkField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { bytes, count, duration } from '../../ui/numbers.js';
import { save } from '../../ui/save.js';
import { table } from '../../ui/table.js';
import { time } from '../../ui/time.js';
import { t } from '../../i18n/language.js';
import { begin, file, forget, importChecked, inspect, job, pause, refusedFile, remembered, resume } from './importer.js';

/** The most refused rows that are listed; all of them are in the file. */
const LISTED_MAX = 100;

/** @param {number} app */
export function importCard(app) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('transfer.import'))),
    h('div', { class: 'body stack' }, () => (job.value === null ? chooser(app) : progress())));
}

/** @param {number} app */
function chooser(app) {
  const left = signal(remembered());
  const [tell, over] = [signal(false), signal(false)];
  const chosen = signal(/** @type {{ file: File, found?: Awaited<ReturnType<typeof inspect>>, error?: unknown } | null} */ (null));
  const choose = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    try {
      const fields = fieldsOf(apps.peek().find(({ sdkappid }) => sdkappid === app));
      chosen.value = { file, found: await inspect(file, fields) };
    } catch (error) {
      chosen.value = { file, error };
    }
  };
  const input = h('input', { type: 'file', accept: '.jsonl,.ndjson,.json,.csv,.txt', onchange: () => choose(input.files[0]) });
  const drop = h('label', {
    class: () => (over.value ? 'transfer-drop over' : 'transfer-drop'),
    ondragover: (/** @type {DragEvent} */ event) => { event.preventDefault(); over.value = true; },
    ondragleave: () => (over.value = false),
    ondrop: (/** @type {DragEvent} */ event) => { event.preventDefault(); over.value = false; void choose(event.dataTransfer?.files[0]); },
  }, h('span', {}, t('transfer.choose')), input, h('span', { class: 'soft small' }, t('transfer.forms')));
  return [
    () => left.value && h('div', { class: 'note warn' },
      h('b', {}, t('transfer.left', { name: left.value.name, app: left.value.app, rows: count(left.value.line - 1) })),
      t('transfer.leftAgain'), ' ',
      h('button', { onclick: () => { forget(); left.value = null; } }, t('transfer.forget'))),
    drop,
    () => {
      const { file, found, error } = chosen.value ?? {};
      if (!file) return null;
      if (!found) return failure(error);
      const from = left.value && same(left.value, file, app) ? left.value : null;
      return h('div', { class: 'stack' },
        h('dl', { class: 'pairs' },
          h('dt', {}, t('transfer.file')), h('dd', {}, file.name, ', ', bytes(file.size)),
          h('dt', {}, t('transfer.form')), h('dd', {}, found.csv ? 'CSV' : 'JSON Lines'),
          found.csv && [
            h('dt', {}, t('transfer.columns')),
            h('dd', {}, h('code', {}, found.columns.map((column) => column?.tag ?? 'UserID').join(', '))),
          ]),
        h('div', {},
          h('h3', {}, t('transfer.first')),
          h('pre', { class: 'note', tabindex: '0' }, found.rows.map((row) => row.slice(0, 400)).join('\n'))),
        from && h('div', { class: 'note good' }, t('transfer.continues', { rows: count(from.line - 1) })),
        !from && checkField(t('transfer.tell'), tell),
        h('p', { class: 'soft small' }, t('transfer.does', { app })),
        h('div', { class: 'row' },
          h(
            'button',
            needs('operator', { class: 'primary', onclick: () => begin({ app, file, ...found, tell: tell.peek(), from }) }),
            from ? t('transfer.continue') : t('transfer.start'),
          ),
          !from && h(
            'button',
            needs('operator', { onclick: () => begin({ app, file, ...found, tell: tell.peek(), check: true }) }),
            t('transfer.check'),
          )));
    },
  ];
}

/**
 * Whether a file is the one that an import stopped in.
 * @param {import('./importer.js').Progress} left
 * @param {File} file
 * @param {number} app
 */
function same(left, file, app) {
  return left.app === app && left.name === file.name && left.size === file.size && left.modified === file.lastModified;
}

function progress() {
  const now = /** @type {import('./importer.js').Job} */ (job.peek());
  const current = () => job.value ?? now;
  const running = () => current().state === 'running';
  const remaining = () => duration(((current().size - current().at) / Math.max(current().rate, 1)) * 1000);
  const bar = h('progress', { max: String(now.size), value: () => current().at, 'aria-label': t('transfer.import') });
  return h('div', { class: 'stack' },
    h('div', {}, h('b', {}, now.name), ' → ', h('code', {}, now.app)),
    bar,
    h('div', { class: 'row small' },
      h(
        'span',
        { class: 'grow', role: 'status' },
        () => {
          const numbers = { rows: count(current().line - 1), imported: count(current().imported), refused: count(current().refusedCount) };
          return now.check ? t('transfer.checkCounts', numbers) : t('transfer.counts', numbers);
        },
      ),
      () => `${bytes(current().at)} / ${bytes(current().size)}`,
      () => running() && current().rate > 0 && ` · ${bytes(current().rate)}/s · ${t('transfer.remaining', { time: remaining() })}`),
    () => {
      const { state, error, created, changed } = current();
      if (state === 'done' && now.check) return h(
        'div',
        { class: 'note good', role: 'status' },
        h('b', {}, t('transfer.checked')),
        t('transfer.checkedText', { created: count(created), changed: count(changed) }),
      );
      if (state === 'done') return h('div', { class: 'note good', role: 'status' }, h('b', {}, t('transfer.done')));
      if (state === 'wrong') return h(
        'div',
        { class: 'note warn', role: 'alert' },
        h('b', {}, t('transfer.wrong')),
        t('transfer.wrongText'),
      );
      if (state === 'failed') return h('div', { class: 'note bad', role: 'alert' }, h('b', {}, error), now.check ? t('transfer.checkFailedText') : t('transfer.failedText'));
      return state === 'paused' && h('div', { class: 'note' }, now.check ? t('transfer.checkPaused') : t('transfer.paused'));
    },
    h('div', { class: 'row' },
      () => running() ? h('button', { onclick: pause }, t('transfer.pause'))
        : current().state !== 'done' ? h('button', needs('operator', { class: 'primary', onclick: resume }), t('transfer.continue'))
          : now.check && h('button', needs('operator', { class: 'primary', onclick: importChecked }), t('transfer.start')),
      () => !running() && h('button', { onclick: () => (job.value = null) }, t('transfer.another'))),
    refusedRows(() => (running() ? [] : current().refused), current));
}

/** @param {() => import('./importer.js').Refused[]} rows @param {() => import('./importer.js').Job} current */
function refusedRows(rows, current) {
  const download = async () => {
    const from = file();
    if (from) save(`${current().name}.refused`, await refusedFile(current().refused, from));
  };
  return h('div', { class: 'stack' }, () => rows().length > 0 && [
    h('div', { class: 'row' },
      h('h3', { class: 'grow' }, t('transfer.refusedRows', { n: count(current().refusedCount) })),
      h('button', { onclick: download }, t('transfer.download'))),
    current().refusedCount > current().refused.length && h(
      'p',
      { class: 'soft small' },
      t('transfer.refusedLost', { n: count(current().refusedCount - current().refused.length) }),
    ),
    table({
      label: t('transfer.refusedTitle'),
      rows: () => rows().slice(0, LISTED_MAX),
      keyOf: ({ start }) => start,
      columns: [
        { title: t('transfer.column.line'), number: true, cell: ({ line }) => count(line) },
        { title: t('transfer.column.reason'), cell: ({ reason }) => reason },
      ],
      empty: () => '',
    }),
    rows().length > LISTED_MAX && h('p', { class: 'soft small' }, t('transfer.listed', { n: LISTED_MAX })),
  ]);
}
