// The right half of the explorer: what became of the call, and the same call as a program.

import { h, signal, untracked } from '../../ui/dom.js';
import { breakable, jsonBlock, textBlock } from '../../ui/code.js';
import { codeBadge, explanation, meaningOf } from '../../ui/explain.js';
import { pretty, tryParse } from '../../ui/json.js';
import { failure } from '../../ui/load.js';
import { tabs } from '../../ui/tabs.js';
import { time } from '../../ui/time.js';
import { address } from '../../app.js';
import { currentApp, fieldsOf, isDev, reference } from '../../state.js';
import { t } from '../../i18n/language.js';
import { effectWords } from '../faults/words.js';
import { repairButtons } from './repair_buttons.js';
import { missingAccounts, repairsOf } from './repairs.js';
import { header, send, writes } from './send.js';
import { answerTab, sending } from './state.js';

/** @typedef {import('./state.js').Draft} Draft */
/** @typedef {import('./state.js').Tried} Tried */

/** @param {Draft} draft @param {Schema<'CommandView'>} command its row of the reference */
export function answerCard(draft, command) {
  const ofSent = (/** @type {(sent: Tried) => import('../../ui/dom.js').Child} */ show) => () => {
    const sent = draft.sent.value;
    if (!sent) return introduction(command);
    return sent.error === undefined ? show(/** @type {Tried} */ (sent)) : failure(sent.error, () => send(draft));
  };
  const answer = tabs(t('explorer.answer'), answerTab, [
    { id: 'answer', title: () => t('explorer.answer'), content: ofSent((sent) => answerPart(draft, sent)) },
    { id: 'headers', title: () => t('explorer.headers'), content: ofSent(headersPart) },
    { id: 'request', title: () => t('explorer.request'), content: ofSent(requestPart) },
    { id: 'code', title: () => t('explorer.code'), content: () => program(draft, command.path) },
  ]);
  return h('section', { class: 'card', 'aria-busy': () => String(sending.value) },
    h('header', { class: 'tabs-header' }, answer.list),
    h('p', { class: 'spoken', role: 'status' }, () => !sending.value && draft.sent.value && spoken(draft.sent.value)),
    h('div', { class: 'body' }, answer.panel));
}

/**
 * What became of a call, for screen readers: most read what changes in a place that was there before, and no place that comes
 * with its text. @param {import('./state.js').Sent} sent
 */
function spoken(sent) {
  const { code, tried, error } = sent;
  if (error !== undefined) return null;
  if (code === null) return lostWords(/** @type {Tried} */ (sent));
  return code === 0 ? 'OK' : `${code} ${tried?.detail || tryParse(tried?.body ?? '')?.ErrorInfo || ''}`;
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

/** @param {Draft} draft @param {Tried} sent */
function answerPart(draft, sent) {
  const { tried, code } = sent;
  const answer = tryParse(tried.body);
  const call = {
    code, detail: tried.detail, body: tryParse(sent.text), usersig: sent.usersig, fields: fieldsOf(currentApp()),
  };
  return h('div', { class: 'stack' },
    h('div', { class: 'row' },
      codeBadge(code),
      code !== null && code !== 0 && h('code', {}, reference.value?.codes[code]?.info || answer?.ErrorInfo),
      tried.status !== null && h('span', { class: 'soft' }, `HTTP ${tried.status}`),
      h('span', { class: 'soft' }, t('explorer.ms', { n: (tried.micros / 1000).toFixed(1) })),
      h('span', { class: 'grow' }),
      liveLink(sent)),
    sent.isRecorded && sent.call && recordedNote(sent.call, code),
    code === null && lostAnswer(sent),
    code !== null && code !== 0 && explanation(code, tried.detail || meaningOf(code) || answer?.ErrorInfo, repairButtons(draft, repairsOf(call))),
    code === 0 && missing(draft, answer),
    tried.body !== '' && (answer === undefined ? textBlock(tried.body) : jsonBlock(pretty(tried.body))));
}

/** That the call was not sent from here, and what of it is not shown as it was. @param {RecordedCall} call @param {number | null} code */
function recordedNote(call, code) {
  return h('div', { class: 'stack small' },
    h('p', { class: 'soft' }, t('explorer.recorded'), ' ', time(call.at_ms), call.body === null && [' ', t('explorer.recorded.no_body')]),
    call.fault && code !== null && h('div', { class: 'note warn' },
      h('b', {}, effectWords(call.fault.effect)), t('calls.by_rule', { rule: call.fault.rule })));
}

/** @param {Draft} draft @param {any} answer */
function missing(draft, answer) {
  const repairs = missingAccounts(answer);
  return repairs.length > 0 && h('div', { class: 'note warn' },
    h('b', {}, t('explorer.missing', { n: answer.Invalid_Account.length })), h('div', { class: 'row' }, repairButtons(draft, repairs)));
}

/** What is known of a call whose answer did not come whole, or can't be read. @param {Tried} sent */
function lostWords({ command, tried, call }) {
  const how = t(/** @type {any} */ (`explorer.lost.${tried.outcome}`));
  if (!writes(command)) return how;
  const made = !call ? 'unknown' : call.code === 0 ? 'made' : 'not_made';
  return t('explorer.lost.both', { how, made: t(`explorer.lost.${made}`) });
}

/** @param {Tried} sent */
function lostAnswer(sent) {
  const { command, call } = sent;
  const words = h('b', {}, lostWords(sent));
  const fault = call?.fault && h('div', {}, t('calls.by_rule', { rule: call.fault.rule }), ' ',
    h('a', { href: address('faults') }, t('page.faults')));
  if (!writes(command)) return h('div', { class: 'note warn' }, words, t('explorer.lost.reading'), fault);
  if (call && call.code !== 0) return h('div', { class: 'note warn' }, words, fault);
  return h('div', { class: 'note bad' }, words, t('explorer.lost.repeat'), fault);
}

/** @param {Tried} sent */
function liveLink(sent) {
  const id = header(sent, 'x-request-id') ?? sent.call?.request_id;
  return isDev() && id && h('a', { href: `${address('calls')}?id=${encodeURIComponent(id)}` }, t('explorer.live'));
}

/** @param {Tried} sent */
function headersPart({ tried, isRecorded }) {
  if (isRecorded) return h('p', { class: 'soft' }, t('explorer.recorded.part'));
  if (tried.headers.length === 0) return h('p', { class: 'soft' }, t('explorer.no_headers'));
  return h('dl', { class: 'pairs small' }, tried.headers.map(([name, value]) => [
    h('dt', {}, h('code', {}, name)), h('dd', {}, h('code', {}, value)),
  ]));
}

/** @param {Tried} sent */
function requestPart({ tried, isRecorded }) {
  if (isRecorded) return h('p', { class: 'soft' }, t('explorer.recorded.part'));
  return h('div', { class: 'stack' },
    textBlock(tried.request.replaceAll('\r\n', '\n')), h('p', { class: 'soft small' }, t('explorer.request_masked')));
}

/** What is shown before the first call: what the command does, its limit, and the app's fields. @param {Schema<'CommandView'>} command */
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
  const listed = (/** @type {string} */ value) => h('div', { class: 'soft' }, breakable(value));
  const row = (/** @type {any} */ { tag, title, type, custom, bytes_max, values }) => h('tr', {},
    h('td', {}, h('code', {}, breakable(tag)), !custom && h('div', { class: 'soft' }, title)),
    h('td', {}, type, bytes_max !== null && ` ≤ ${bytes_max} B`, values.map(listed)));
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': t('explorer.fields') },
    h('table', { class: 'small', 'aria-label': t('explorer.fields') },
      h('thead', {}, h('tr', {}, column('tag'), column('value'))),
      h('tbody', {}, () => fieldsOf(currentApp()).map(row))));
}
