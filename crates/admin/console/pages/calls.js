// Live calls: everything that was called, as it comes.

import * as api from '../api.js';
import { address } from '../app.js';
import { apps } from '../state.js';
import { calls, missed } from '../stream.js';
import { t } from '../i18n/language.js';
import { h, signal, effect } from '../ui/dom.js';
import { codeBadge } from '../ui/explain.js';
import { checkField } from '../ui/field.js';
import { attempt } from '../ui/load.js';
import { bodyText, streamList } from '../ui/stream_list.js';
import { clockTime } from '../ui/time.js';
import { callDetail, userNames } from './calls/detail.js';
import { firstCommand } from './connect/commands.js';
import { effectWords, isLost } from './faults/words.js';

/** Of a call that names a hundred accounts. */
const USERS_SHOWN = 3;

/** @param {{ app: number }} page */
export default function callsPage({ app }) {
  // The address as it is now: it follows the filter, and the page may be rebuilt, in another language.
  const query = new URLSearchParams(location.hash.split('?')[1]);
  const text = signal(query.get('q') ?? '');
  const failed = signal(query.has('failed'));
  const everyApp = signal(query.has('all'));
  const chosen = signal(/** @type {any} */ (query.get('id')));
  effect(() => {
    const shown = new URLSearchParams();
    if (text.value) shown.set('q', text.value);
    if (failed.value) shown.set('failed', '1');
    if (everyApp.value) shown.set('all', '1');
    if (chosen.value !== null) shown.set('id', chosen.value);
    history.replaceState(null, '', [address('calls'), String(shown)].filter(Boolean).join('?'));
  });

  /** A call with a number that no app has is shown with every app: its caller took it for one of them. */
  const ofApp = (/** @type {RecordedCall} */ call) => call.app === app || !apps.value.some(({ sdkappid }) => sdkappid === call.app);
  const clear = () => {
    const all = everyApp.peek() || apps.peek().length === 1;
    void attempt(async () => {
      await api.clearRequests(all ? undefined : app);
      calls.value = calls.peek().filter((call) => !all && call.app !== app);
      missed.value = 0;
      chosen.value = null;
    });
  };

  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.calls')), h('p', { class: 'soft' }, t('calls.about')))),
    streamList({
      entries: calls,
      keyOf: (call) => call.request_id,
      label: t('page.calls'),
      columns: [
        { title: '#', cell: (call) => h('span', { class: 'soft' }, call.number), narrow: true },
        { title: t('calls.time'), cell: (call) => h('span', { class: 'mono' }, clockTime(call.at_ms)), narrow: true },
        { title: t('calls.command'), cell: commandCell },
        { title: t('calls.users'), cell: users },
        { title: t('calls.code'), cell: (call) => h('span', { class: 'row' }, codeBadge(isLost(call) ? null : call.code), faultBadge(call)) },
        { title: 'µs', cell: (call) => call.micros, number: true, narrow: true },
      ],
      filter: { text, label: t('calls.filter'), textOf },
      visible: (call) => (everyApp.value || ofApp(call)) && (!failed.value || call.code !== 0 || call.fault !== null),
      choices: [
        checkField(t('calls.failed'), failed),
        () => apps.value.length > 1 && checkField(t('calls.all'), everyApp),
      ],
      notes: () => missed.value > 0 && h('div', { class: 'note warn list-bar' }, t('calls.missed', { n: missed.value })),
      empty: () => h('div', { class: 'stack first-run' }, h('p', {}, t('calls.empty'), ' ', h('a', { href: address('explorer') }, t('page.explorer'))), firstCommand()),
      chosen,
      detail: (call) => callDetail(call, app),
      clear,
    }));
}

/** A command stays on its line; a path that is none may be of any length. @param {RecordedCall} call */
function commandCell({ command, method, path }) {
  return h('span', { class: { mono: true, nowrap: command !== null } }, command ?? `${method} ${path}`);
}

/** @param {RecordedCall} call */
function users(call) {
  const more = call.users.length - USERS_SHOWN;
  return [userNames(call.users.slice(0, USERS_SHOWN)), more > 0 && h('span', { class: 'soft' }, ` +${more}`)];
}

/** @param {RecordedCall} call */
function faultBadge(call) {
  return call.fault && h('span', { class: 'badge warn', title: effectWords(call.fault.effect) }, t('calls.fault'));
}

/** What the filter looks for words in. @param {RecordedCall} call */
function textOf(call) {
  const body = call.body === null ? '' : bodyText(call.body);
  return [call.command, call.path, call.identifier, ...call.users, call.code, call.detail, call.request_id, body].join('\n');
}
