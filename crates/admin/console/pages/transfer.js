// Import and export of accounts with their profiles.

import * as api from '../api.js';
import { needs } from '../state.js';
import { save, saveFrom } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { checkField, textField } from '../ui/field.js';
import { bytes, count, duration, time } from '../ui/format.js';
import { failure } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';
import { begin, file, forget, importChecked, inspect, job, pause, refusedFile, remembered, resume } from './transfer/importer.js';

/** @param {{ app: number }} address */
export default function transfer({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.transfer')), h('p', { class: 'soft' }, t('transfer.about')))),
    importCard(app),
    exportCard(app));
}

// The import on the page: a file is chosen or dropped, looked at, sent.

/** The most refused rows that are listed; all of them are in the file. */
const LISTED_MAX = 100;

/** @param {number} app */
function importCard(app) {
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
      chosen.value = { file, found: await inspect(file) };
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
          h('dt', {}, t('transfer.form')), h('dd', {}, found.csv ? 'CSV' : 'JSON Lines')),
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
 * @param {import('./transfer/importer.js').Progress} left
 * @param {File} file
 * @param {number} app
 */
function same(left, file, app) {
  return left.app === app && left.name === file.name && left.size === file.size && left.modified === file.lastModified;
}

function progress() {
  const now = /** @type {import('./transfer/importer.js').Job} */ (job.peek());
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
      () => running() && current().rate > 0 && ` · ${bytes(current().rate)}/s · ${t('remaining', { time: remaining() })}`),
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
      () => running() ? h('button', { onclick: pause }, t('pause'))
        : current().state !== 'done' ? h('button', needs('operator', { class: 'primary', onclick: resume }), t('transfer.continue'))
          : now.check && h('button', needs('operator', { class: 'primary', onclick: importChecked }), t('transfer.start')),
      () => !running() && h('button', { onclick: () => (job.value = null) }, t('transfer.another'))),
    refusedRows(() => (running() ? [] : current().refused), current));
}

/** @param {() => import('./transfer/importer.js').Refused[]} rows @param {() => import('./transfer/importer.js').Job} current */
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

// The export: the browser saves the server's stream itself, so that its size does not matter to the page.

/** @param {number} app */
function exportCard(app) {
  const user = signal('');
  const state = signal(/** @type {{ state: 'asked' | 'began' | 'failed', error?: unknown } | null} */ (null));
  const run = async (/** @type {string | undefined} */ one) => {
    state.value = { state: 'asked' };
    try {
      // That there is no such user is said here, not among the browser's downloads.
      if (one !== undefined) await api.account(app, one);
      const { ticket } = await api.exportTicket(app, { user: one });
      saveFrom(api.exportAddress(app, { user: one, ticket }));
      state.value = { state: 'began' };
    } catch (error) {
      state.value = { state: 'failed', error };
    }
  };
  const asked = () => state.value?.state === 'asked';
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('transfer.export'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('transfer.exportAbout')),
      h('div', { class: 'row' },
        h('button', needs('operator', { class: 'primary', disabled: asked, onclick: () => run(undefined) }), t('transfer.exportAll'))),
      h('form', { class: 'row tokens-new', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void run(user.peek()); } },
        textField(t('transfer.one'), user, { required: true }),
        h('button', needs('operator', { disabled: asked }), t('export_user'))),
      h('div', { 'aria-live': 'polite' }, () => {
        if (state.value?.state === 'failed') return failure(state.value.error);
        return state.value?.state === 'began' && h('div', { class: 'note good' }, h('b', {}, t('transfer.exportBegan')), t('transfer.exportBroken'));
      })));
}
