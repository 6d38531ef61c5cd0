// The right half of the explorer: what became of the call, and the same call as a program.

import { h, signal, untracked } from '../../ui/dom.js';
import { jsonBlock, textBlock } from '../../ui/code.js';
import { codeBadge, explanation } from '../../ui/explain.js';
import { pretty, tryParse } from '../../ui/json.js';
import { failure } from '../../ui/load.js';
import { tabs } from '../../ui/tabs.js';
import { address } from '../../app.js';
import { currentApp, fieldsOf, isDev, reference } from '../../state.js';
import { t } from '../../i18n/language.js';
import { repairButtons } from './repair_buttons.js';
import { missingAccounts, repairsOf } from './repairs.js';
import { header, send, writes } from './send.js';
import { answerTab, sending } from './state.js';

/** @typedef {import('./state.js').Draft} Draft */
/** @typedef {import('./state.js').Sent} Sent */

/** @param {Draft} draft @param {any} command its row of the reference */
export function answerCard(draft, command) {
  const ofSent = (/** @type {(sent: Sent) => import('../../ui/dom.js').Child} */ show) => () => {
    const sent = draft.sent.value;
    if (!sent) return introduction(command);
    return sent.error === undefined ? show(sent) : failure(sent.error, () => send(draft));
  };
  const answer = tabs(t('explorer.answer'), answerTab, [
    { id: 'answer', title: () => t('explorer.answer'), content: ofSent((sent) => answerPart(draft, sent)) },
    { id: 'headers', title: () => t('explorer.headers'), content: ofSent(headersPart) },
    { id: 'request', title: () => t('explorer.request'), content: ofSent(requestPart) },
    { id: 'code', title: () => t('explorer.code'), content: () => program(draft, command.path) },
  ]);
  return h('section', { class: 'card', 'aria-busy': () => String(sending.value) },
    h('header', { class: 'tabs-header' }, answer.list), h('div', { class: 'body' }, answer.panel));
}

/** The call as a program; what writes it is loaded when it is first looked at. @param {Draft} draft @param {string} path */
function program(draft, path) {
  const shown = signal(/** @type {import('../../ui/dom.js').Child} */ (null));
  import('./code.js').then(
    ({ codePart }) => (shown.value = () => untracked(() => codePart(draft, path))),
    (error) => (shown.value = failure(error)),
  );
  return () => shown.value;
}

/** @param {Draft} draft @param {Sent} sent */
function answerPart(draft, sent) {
  const { tried, code } = sent;
  const answer = tryParse(tried.body);
  const call = {
    code, detail: tried.detail, body: tryParse(sent.text), usersig: sent.usersig, fields: fieldsOf(currentApp()),
  };
  return h('div', { class: 'stack' },
    h('div', { class: 'row', role: 'status' },
      codeBadge(code),
      code !== null && code !== 0 && h('code', {}, reference.value?.codes[code] || answer?.ErrorInfo),
      tried.status !== null && h('span', { class: 'soft' }, `HTTP ${tried.status}`),
      h('span', { class: 'soft' }, t('explorer.ms', { n: (tried.micros / 1000).toFixed(1) })),
      h('span', { class: 'grow' }),
      liveLink(sent)),
    code === null && lostAnswer(sent),
    code !== null && code !== 0 && explanation(code, tried.detail || answer?.ErrorInfo, repairButtons(draft, repairsOf(call))),
    code === 0 && missing(draft, answer),
    tried.body !== '' && (answer === undefined ? textBlock(tried.body) : jsonBlock(pretty(tried.body))));
}

/** @param {Draft} draft @param {any} answer */
function missing(draft, answer) {
  const repairs = missingAccounts(answer);
  return repairs.length > 0 && h('div', { class: 'note warn' },
    h('b', {}, t('explorer.missing', { n: answer.Invalid_Account.length })), h('div', { class: 'row' }, repairButtons(draft, repairs)));
}

/** An answer that did not come whole, or can't be read: what is known of the change that was asked for. @param {Sent} sent */
function lostAnswer({ command, tried, call }) {
  const fault = call?.fault && h('div', {}, t('explorer.lost.fault', { effect: call.fault.effect }), ' ',
    h('a', { href: address('faults') }, t('page.faults')));
  const how = t(/** @type {any} */ (`explorer.lost.${tried.outcome}`));
  if (!writes(command)) return h('div', { class: 'note warn' }, h('b', {}, how), t('explorer.lost.reading'), fault);
  if (call && call.code !== 0) return h('div', { class: 'note warn' }, h('b', {}, `${how} ${t('explorer.lost.not_made')}`), fault);
  const made = t(call ? 'explorer.lost.made' : 'explorer.lost.unknown');
  return h('div', { class: 'note bad' }, h('b', {}, `${how} ${made}`), t('explorer.lost.repeat'), fault);
}

/** @param {Sent} sent */
function liveLink(sent) {
  const id = header(sent, 'x-request-id') ?? sent.call?.request_id;
  return isDev() && id && h('a', { href: `${address('calls')}?id=${encodeURIComponent(id)}` }, t('explorer.live'));
}

/** @param {Sent} sent */
function headersPart({ tried }) {
  if (tried.headers.length === 0) return h('p', { class: 'soft' }, t('explorer.no_headers'));
  return h('dl', { class: 'pairs small' }, tried.headers.map((/** @type {[string, string]} */ [name, value]) => [
    h('dt', {}, h('code', {}, name)), h('dd', {}, h('code', {}, value)),
  ]));
}

/** @param {Sent} sent */
function requestPart({ tried }) {
  return h('div', { class: 'stack' },
    textBlock(tried.request.replaceAll('\r\n', '\n')), h('p', { class: 'soft small' }, t('explorer.request_masked')));
}

/** What is shown before the first call: what the command does, its limit, and the app's fields. @param {any} command */
function introduction({ name, title, per_second }) {
  const limit = () => currentApp()?.limits?.[name] ?? per_second;
  return h('div', { class: 'stack' },
    h('h3', {}, title),
    h('p', {}, t(/** @type {any} */ (`explorer.about.${name}`))),
    h('p', { class: 'soft' }, () => (limit() === 0 ? t('explorer.no_limit') : t('explorer.limit', { n: limit() }))),
    name.startsWith('portrait_') && fieldTable());
}

function fieldTable() {
  const column = (/** @type {'tag' | 'value'} */ name) => h('th', { scope: 'col' }, t(`explorer.column.${name}`));
  const listed = (/** @type {string} */ value) => h('div', { class: 'soft' }, value);
  const row = (/** @type {any} */ { tag, title, type, custom, bytes_max, values }) => h('tr', {},
    h('td', {}, h('code', {}, tag), !custom && h('div', { class: 'soft' }, title)),
    h('td', {}, type, bytes_max !== null && ` ≤ ${bytes_max} B`, values.map(listed)));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('explorer.fields') },
    h('table', { class: 'small' },
      h('thead', {}, h('tr', {}, column('tag'), column('value'))),
      h('tbody', {}, () => fieldsOf(currentApp()).map(row))));
}
