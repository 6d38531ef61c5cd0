// Backups of the whole store, which go on in the background, and the commands for what only the command line does.

import * as api from '../api.js';
import { needs } from '../state.js';
import { computed, effect, h, onCleanup, signal, untracked } from '../ui/dom.js';
import { onCtrlEnter, textField } from '../ui/field.js';
import { copyButton, failure } from '../ui/page.js';
import { bytes, duration, quoted, time } from '../ui/format.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';

/** The time between two looks at a backup that runs. */
const LOOK_MS = 1000;

/**
 * A job, as the server lists it.
 * @typedef {{
 *   id: number, state: 'running' | 'done' | 'failed', reason: string | null, started_ms: number, ended_ms: number | null,
 *   bytes: number, bytes_total: number, directory: string, restore: string,
 * }} Job
 */

export default function backup() {
  const node = api.session.peek()?.node;
  if (node) return databaseInstead(node.database_host);
  const jobs = signal(/** @type {Job[] | null} */ (null));
  const error = signal(/** @type {unknown} */ (undefined));
  /** The number of the job that is looked at; the newest unless another one is chosen. */
  const chosen = signal(/** @type {number | null} */ (null));
  const look = async () => {
    try {
      jobs.value = await api.jobs();
      error.value = undefined;
    } catch (failed) {
      error.value = failed;
    }
  };
  const running = computed(() => (jobs.value ?? []).some(({ state }) => state === 'running'));
  effect(() => {
    if (!running.value) return;
    const timer = setInterval(() => document.hidden || void look(), LOOK_MS);
    onCleanup(() => clearInterval(timer));
  });
  untracked(() => void look());
  const current = () => jobs.value?.find(({ id }) => id === chosen.value) ?? jobs.value?.[0];
  const added = (/** @type {Job} */ job) => {
    chosen.value = job.id;
    return look();
  };
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.backup')), h('p', { class: 'soft' }, t('backup.about')))),
    start(running, added),
    () => error.value !== undefined && h('div', { class: 'card' }, h('div', { class: 'body' }, failure(error.value, look))),
    details(current),
    () => jobs.value && list(() => jobs.value ?? [], chosen),
    commands());
}

/** Where several servers share a database, it is the database that is backed up. @param {string} host */
function databaseInstead(host) {
  return h('div', {},
    h('div', { class: 'head' }, h('h1', {}, t('page.backup'))),
    h('div', { class: 'note' }, t('backup.database', { host })),
    h('section', { class: 'card' },
      h('header', {}, h('h2', {}, t('backup.commands'))),
      h('div', { class: 'body stack' },
        command(t('backup.command.export'), 'portraitd export NUMBER FILE --data DIRECTORY'),
        command(t('backup.command.copy'), 'portraitd store copy --from store.url --to NEW_DIRECTORY'))));
}

/** @param {{ value: boolean, peek: () => boolean }} running @param {(job: Job) => Promise<void>} added */
function start(running, added) {
  const directory = signal('');
  const refused = signal(/** @type {unknown} */ (undefined));
  const asked = signal(false);
  const run = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (running.peek() || asked.peek()) return;
    asked.value = true;
    refused.value = undefined;
    try {
      await added(await api.backup(directory.peek()));
    } catch (error) {
      refused.value = error;
    } finally {
      asked.value = false;
    }
  };
  const form = h('form', { class: 'body stack', onsubmit: run, onkeydown: onCtrlEnter(() => form.requestSubmit()) },
    textField(t('backup.directory'), directory, {
      required: true,
      pattern: '/.*',
      title: t('backup.directoryRule'),
      placeholder: '/srv/backup-1',
    },
      h('span', { class: 'soft small' }, t('backup.directoryHint'))),
    () => refused.value !== undefined && failure(refused.value),
    h('div', { class: 'row' },
      h('button', needs('operator', { class: 'primary', disabled: () => running.value || asked.value }), t('backup.start'))));
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, t('backup.new'))), form);
}

/** The job that is looked at. Its parts are made again when its state changes, not with each byte. @param {() => Job | undefined} job */
function details(job) {
  const key = computed(() => (job() ? `${job()?.id} ${job()?.state}` : ''));
  return h('div', { 'aria-live': 'polite' }, () => {
    const now = key.value && untracked(job);
    if (!now) return null;
    return h('section', { class: 'card' },
      h('header', {},
        h('h2', {}, now.state === 'done' ? t('backup.done', { took: duration(took(now)) }) : t(`backup.title.${now.state}`)),
        h('code', {}, now.directory)),
      h('div', { class: 'body stack' },
        now.state === 'running' ? progress(now, job) : now.state === 'failed' ? failure(new Error(now.reason ?? '')) : outcome(now)));
  });
}

/** @param {Job} first @param {() => Job | undefined} job */
function progress(first, job) {
  const began = performance.now();
  const now = () => job() ?? first;
  const remaining = () => {
    const { bytes, bytes_total: total } = now();
    const rate = (bytes - first.bytes) / (performance.now() - began);
    return rate > 0 && t('remaining', { time: duration((total - bytes) / rate) });
  };
  // The text is no part of what is read out: it changes each second.
  return [
    h('progress', { max: () => String(Math.max(now().bytes_total, 1)), value: () => now().bytes, 'aria-label': t('page.backup') }),
    h('div', { class: 'row small', 'aria-live': 'off' },
      h('span', { class: 'grow' }, () => `${bytes(now().bytes)} / ${bytes(now().bytes_total)}`),
      remaining),
    h('p', { class: 'soft small' }, t('backup.running')),
  ];
}

/** @param {Job} job */
function outcome({ directory, restore }) {
  return [
    h('div', { class: 'note warn' }, t('backup.secret')),
    command(t('backup.restore'), restore),
    command(t('backup.checkThis'), `portraitd check --data ${quoted(directory)}`),
  ];
}

/** @param {Job} job */
function took({ started_ms: started, ended_ms: ended }) {
  return Math.max((ended ?? started) - started, 1);
}

/** @param {() => Job[]} jobs @param {{ value: number | null, peek: () => number | null }} chosen */
function list(jobs, chosen) {
  const colours = { running: 'warn', done: 'good', failed: 'bad' };
  return h('section', { class: 'card' },
    h('header', {}, h('div', {}, h('h2', {}, t('backup.jobs')), h('p', { class: 'soft small' }, t('backup.jobsAbout')))),
    table({
      label: t('backup.jobs'),
      rows: jobs,
      keyOf: ({ id }) => id,
      chosen: /** @type {any} */ (chosen),
      columns: [
        { title: t('backup.column.started'), cell: ({ started_ms: started }) => time(started) },
        { title: t('backup.column.directory'), cell: ({ directory }) => h('code', {}, directory) },
        {
          title: t('state'),
          cell: ({ state }) => h('span', { class: `badge ${colours[state]}` }, t(`backup.state.${state}`)),
        },
        { title: t('backup.column.size'), number: true, narrow: true, cell: ({ bytes: copied }) => bytes(copied) },
      ],
      empty: () => t('backup.none'),
    }));
}

function commands() {
  return h('section', { class: 'card' },
    h('header', {}, h('div', {}, h('h2', {}, t('backup.commands')), h('p', { class: 'soft small' }, t('backup.commandsAbout')))),
    h('div', { class: 'body stack' },
      command(t('backup.command.restore'), 'portraitd restore BACKUP --data NEW_DIRECTORY'),
      command(t('backup.command.check'), 'portraitd check --data DIRECTORY'),
      command(t('backup.command.repair'), 'portraitd repair --data DIRECTORY'),
      command(t('backup.command.compact'), 'portraitd compact --data DIRECTORY'),
      command(t('backup.command.doctor'), 'portraitd doctor --data DIRECTORY'),
      command(
        t('backup.command.migrate'),
        'portraitd migrate --from https://console.tim.qq.com --sdkappid NUMBER --key @key.txt --accounts users.txt --data DIRECTORY',
      )));
}

/** @param {string} title @param {string} text */
function command(title, text) {
  return h('div', {},
    h('p', { class: 'small' }, title),
    h('div', { class: 'row' }, h('code', { class: 'grow' }, text), copyButton(() => text)));
}
