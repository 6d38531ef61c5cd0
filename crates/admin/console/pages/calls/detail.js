// One recorded call: what went wrong first, then what was sent and answered.

import { address } from '../../app.js';
import { appNumber, apps } from '../../state.js';
import { t } from '../../i18n/language.js';
import { copyButton } from '../../ui/clipboard.js';
import { jsonBlock, textBlock } from '../../ui/code.js';
import { h } from '../../ui/dom.js';
import { codeBadge, explanation } from '../../ui/explain.js';
import { bodyText } from '../../ui/stream_list.js';
import { time } from '../../ui/time.js';
import { asAssertion, asCurl } from './copies.js';
import { effectWords, isLost } from '../faults/words.js';

/** @param {RecordedCall} call @param {number} app the app that is looked at */
export function callDetail(call, app) {
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
        pair(t('calls.at'), time(call.at_ms)),
        pair(t('calls.took'), `${call.micros} µs`),
        pair('SDKAppID', h('span', { class: 'mono' }, call.app ?? '–'), ' ',
          call.app !== null && call.app !== app && h('span', { class: 'badge warn' }, t('calls.other_app'))),
        pair('identifier', h('span', { class: 'mono' }, call.identifier ?? '–')),
        pair(t('calls.users'), call.users.length === 0 ? '–' : userNames(call.users)),
        pair(t('calls.path'), h('code', {}, `${call.method} ${call.path}`)),
        pair(t('calls.request_id'), h('code', {}, call.request_id))),
      h('div', { class: 'row' },
        copyButton(() => asCurl(call), t('calls.curl')),
        copyButton(() => asAssertion(call), t('calls.assertion'))),
      recorded(t('calls.body'), call.body),
      recorded(call.fault ? t('calls.answer_without') : t('calls.answer'), call.answer)));
}

/** A recorded body under its heading. @param {string} title @param {any} body */
export function recorded(title, body) {
  const shown = () => (typeof body === 'string' ? textBlock(body) : jsonBlock(bodyText(body)));
  return h('div', {}, h('h3', {}, title), body === null ? h('p', { class: 'soft' }, t('calls.no_body')) : shown());
}

/** User ids one after the other; marks of direction in one do not turn the others around. @param {string[]} users */
export function userNames(users) {
  return users.map((user, place) => [place > 0 && ', ', h('bdi', {}, user)]);
}

/** @param {string} name @param {...import('../../ui/dom.js').Child} value */
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
