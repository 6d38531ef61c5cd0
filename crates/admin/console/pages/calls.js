// Live calls: everything that was called, as it comes, and one call in detail.

import * as api from '../api.js';
import { address } from '../app.js';
import { appNumber, apps } from '../state.js';
import { calls, isLost, missed } from '../stream.js';
import { codeBadge, explanation, jsonBlock, textBlock } from '../ui/code.js';
import { effect, h, signal } from '../ui/dom.js';
import { checkField } from '../ui/field.js';
import { clockTime, effectWords, quoted, time } from '../ui/format.js';
import { bodyText } from '../ui/json.js';
import { attempt, copyButton } from '../ui/page.js';
import { streamList } from '../ui/stream_list.js';
import { t } from '../i18n/language.js';
import { firstCommand } from './connect.js';

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
        { title: t('time'), cell: (call) => h('span', { class: 'mono' }, clockTime(call.at_ms)), narrow: true },
        { title: t('command'), cell: commandCell },
        { title: t('calls.users'), cell: users },
        { title: t('code'), cell: (call) => h('span', { class: 'row' }, codeBadge(isLost(call) ? null : call.code), faultBadge(call)) },
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

// One recorded call: what went wrong first, then what was sent and answered.

/** @param {RecordedCall} call @param {number} app the app that is looked at */
function callDetail(call, app) {
  const name = call.command ?? `${call.method} ${call.path}`;
  return h('div', {},
    h('header', { class: 'detail-head' },
      h('h2', { class: 'mono' }, name), codeBadge(isLost(call) ? null : call.code), h('span', { class: 'grow' }),
      call.command && h('a', { class: 'button', href: explorerAddress(call.command, call) }, t('calls.explorer')),
      call.command && h('a', { class: 'button', href: faultsAddress(call.command, call) }, t('calls.fail'))),
    h('div', { class: 'body stack' },
      call.code !== null && call.code !== null && call.code > 0 && explanation(call.code, call.detail),
      call.fault && h('div', { class: 'note warn' },
        h('b', {}, effectWords(call.fault.effect)),
        t(call.code === null ? 'calls.not_done' : 'calls.by_rule', { rule: call.fault.rule }), ' ',
        h('a', { href: address('faults') }, t('calls.rules'))),
      h('dl', { class: 'pairs' },
        pair(t('time'), time(call.at_ms)),
        pair(t('calls.took'), `${call.micros} µs`),
        pair('SDKAppID', h('span', { class: 'mono' }, call.app ?? '–'), ' ',
          call.app !== null && call.app !== app && h('span', { class: 'badge warn' }, t('calls.other_app'))),
        pair('identifier', h('span', { class: 'mono' }, call.identifier ?? '–')),
        pair(t('calls.users'), call.users.length === 0 ? '–' : userNames(call.users)),
        pair(t('request'), h('code', {}, `${call.method} ${call.path}`)),
        pair(t('calls.request_id'), h('code', {}, call.request_id))),
      h('div', { class: 'row' },
        copyButton(() => asCurl(call), t('calls.curl')),
        copyButton(() => asAssertion(call), t('calls.assertion'))),
      recorded(t('calls.body'), call.body),
      recorded(call.fault ? t('calls.answer_without') : t('answer'), call.answer)));
}

/** A recorded body under its heading. @param {string} title @param {any} body */
export function recorded(title, body) {
  const shown = () => (typeof body === 'string' ? textBlock(body) : jsonBlock(bodyText(body)));
  return h('div', {}, h('h3', {}, title), body === null ? h('p', { class: 'soft' }, t('calls.no_body')) : shown());
}

/** User ids one after the other; marks of direction in one do not turn the others around. @param {string[]} users */
function userNames(users) {
  return users.map((user, place) => [place > 0 && ', ', h('bdi', {}, user)]);
}

/** @param {string} name @param {...import('../ui/dom.js').Child} value */
export function pair(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, value)];
}

/** The app of a call; that which is looked at when its caller took another number for one. @param {RecordedCall} call */
function appOf({ app }) {
  return apps.value.some(({ sdkappid }) => sdkappid === app) ? /** @type {number} */ (app) : appNumber.value;
}

/** @param {string} command @param {RecordedCall} call */
function explorerAddress(command, call) {
  const query = new URLSearchParams({ id: call.request_id });
  if (call.body !== null) query.set('body', bodyText(call.body));
  if (call.identifier !== null) query.set('identifier', call.identifier);
  return `${address('explorer', command, appOf(call))}?${query}`;
}

/** @param {string} command @param {RecordedCall} call */
function faultsAddress(command, call) {
  const query = new URLSearchParams({ command });
  if (call.users.length > 0) query.set('user', call.users[0]);
  return `${address('faults', undefined, appOf(call))}?${query}`;
}

// A recorded call as commands for a shell.

/** The call with curl; its UserSig was never recorded, so it comes from the environment. @param {RecordedCall} call */
async function asCurl(call) {
  const { url } = await api.environment();
  const members = { sdkappid: call.app, identifier: call.identifier, random: 1, contenttype: 'json' };
  const query = Object.entries(members).flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeURIComponent(value)}`])).join('&');
  return [
    `curl -X ${quoted(call.method)}`,
    `${quoted(`${url}${call.path}?${query}&usersig=`)}"$PORTRAITD_USERSIG"`,
    `-H 'Content-Type: application/json'`,
    call.body === null ? `--data ''` : `--data-binary ${quoted(bodyText(call.body))}`,
  ].join(' \\\n  ');
}

/** Succeeds when such a call was made, or is made within five seconds. @param {RecordedCall} call */
async function asAssertion(call) {
  const { url } = await api.environment();
  const filter = [
    ...(call.app === null ? [] : ['--app', call.app]),
    ...(call.command === null ? [] : ['--command', call.command]),
    ...(call.users.length === 0 ? [] : ['--user', call.users[0]]),
    ...(call.code === null ? [] : ['--code', call.code]),
  ];
  // A user id may start with a hyphen.
  const words = filter.flatMap((word, place) => (place % 2 === 0 ? [`${word}=${quoted(filter[place + 1])}`] : []));
  return `test -n "$(portraitd emulator --url ${quoted(url)} requests ${words.join(' ')} --count 1 --wait-ms 5000)"`;
}
