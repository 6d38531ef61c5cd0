// A backup of the whole store, and the commands for what only the command line does.

import * as api from '../api.js';
import { needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { copyButton } from '../ui/clipboard.js';
import { textField } from '../ui/field.js';
import { onCtrlEnter } from '../ui/keys.js';
import { failure } from '../ui/load.js';
import { duration } from '../ui/numbers.js';
import { t } from '../i18n/language.js';

/** The backup that was asked for last; it is kept while other pages are open. */
const job = signal(/** @type {{ directory: string, began: number, took?: number, error?: unknown } | null} */ (null));

export default function backup() {
  const node = api.session.peek()?.node;
  if (node) return databaseInstead(node.database_host);
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.backup')), h('p', { class: 'soft' }, t('backup.about')))),
    start(),
    h('div', { 'aria-live': 'polite' }, () => job.value && outcome(job.value)),
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
        command(t('backup.command.copy'), 'portraitd store copy --from store.url --to NEW_DIRECTORY'),
        command(t('backup.command.doctor'), 'portraitd doctor'))));
}

function start() {
  const directory = signal('');
  const running = () => job.value !== null && job.value.took === undefined && job.value.error === undefined;
  const run = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (running()) return;
    const begun = { directory: directory.peek(), began: Date.now() };
    job.value = begun;
    try {
      const { directory } = await api.backup(begun.directory);
      job.value = { ...begun, directory, took: Date.now() - begun.began };
    } catch (error) {
      job.value = { ...begun, error };
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
    h('div', { class: 'row' }, h('button', needs('operator', { class: 'primary', disabled: running }), t('backup.start'))));
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, t('backup.new'))), form);
}

/** @param {{ directory: string, took?: number, error?: unknown }} job */
function outcome({ directory, took, error }) {
  if (error !== undefined) return h('div', { class: 'card' }, h('div', { class: 'body' }, failure(error)));
  if (took === undefined) {
    return h(
      'section',
      { class: 'card' },
      h('div', { class: 'body stack' }, h('p', {}, t('backup.running', { directory })), h('progress', { 'aria-label': t('page.backup') })),
    );
  }
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('backup.done', { took: duration(took) })), h('code', {}, directory)),
    h('div', { class: 'body stack' },
      h('div', { class: 'note warn' }, t('backup.secret')),
      command(t('backup.restore'), `portraitd restore ${quoted(directory)} --data NEW_DIRECTORY`),
      command(t('backup.checkThis'), `portraitd check --data ${quoted(directory)}`)));
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

/** A word of a shell's command. @param {string} text */
function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
