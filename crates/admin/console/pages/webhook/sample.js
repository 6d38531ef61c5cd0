// Sending a sample event: the request as it was sent, and what the receiver answered.

import * as api from '../../api.js';
import { needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { jsonBlock, textBlock } from '../../ui/code.js';
import { pretty, tryParse } from '../../ui/json.js';
import { failure } from '../../ui/load.js';
import { count } from '../../ui/numbers.js';
import { t } from '../../i18n/language.js';

/** @param {number} app @param {Schema<'WebhookView'>} hook */
export function sample(app, hook) {
  const state = signal(/** @type {{ report?: Schema<'TestView'>, error?: unknown, sending?: boolean }} */ ({}));
  const send = async () => {
    state.value = { sending: true };
    try {
      state.value = { report: await api.testWebhook(app) };
    } catch (error) {
      state.value = { error };
    }
  };
  return h('section', { class: 'card' },
    h('header', {},
      h('h2', { class: 'grow' }, t('webhook.sample')),
      h('button', needs('operator', { disabled: () => hook.url === null || Boolean(state.value.sending), onclick: send }),
        t('webhook.send'))),
    h('div', { class: 'body', 'aria-live': 'polite' }, () => {
      const { report, error, sending } = state.value;
      if (sending) return h('p', { class: 'soft' }, t('webhook.sending'));
      if (error !== undefined) return failure(error, send);
      if (report === undefined) return h('p', { class: 'soft' }, hook.url === null ? t('webhook.sampleFirst') : t('webhook.sampleAbout'));
      return shown(report);
    }));
}

/** @param {Schema<'TestView'>} report */
function shown({ method, url, headers, body, status, answer, milliseconds, failure: reason }) {
  const head = [`${method} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].join('\n');
  return h('div', { class: 'stack' },
    reason === null
      ? h('div', { class: 'note good' }, h('b', {}, t('webhook.acknowledged', { status, ms: count(milliseconds) })))
      : h('div', { class: 'note bad' }, h('b', {}, t('webhook.notAcknowledged', { ms: count(milliseconds) })), reason),
    h('h3', {}, t('webhook.request')), textBlock(head), block(body),
    h('h3', {}, status === null ? t('webhook.noAnswer') : t('webhook.answer', { status })),
    answer && block(answer));
}

/** @param {string} text */
function block(text) {
  return tryParse(text) === undefined ? textBlock(text) : jsonBlock(pretty(text));
}
