// An app's webhook: its state, where it points, a sample event, and the events that wait or are parked.

import * as api from '../api.js';
import { needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { confirm } from '../ui/dialog.js';
import { checkField, textField } from '../ui/field.js';
import { onCtrlEnter } from '../ui/keys.js';
import { attempt, loaded, sentence } from '../ui/load.js';
import { bytes, count, duration } from '../ui/numbers.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';
import { events } from './webhook/events.js';
import { sample } from './webhook/sample.js';

/** @param {{ app: number }} address */
export default function webhook({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.webhook')), h('p', { class: 'soft' }, t('webhook.about')))),
    loaded(() => api.webhook(app), (hook, reload) => h('div', {},
      state(hook, reload),
      h('div', { class: 'split' }, settings(app, hook, reload), sample(app, hook)),
      events(app, hook, reload))));
}

/** @param {Schema<'WebhookView'>} hook @param {() => Promise<void>} reload */
function state(hook, reload) {
  const tile = (/** @type {import('../ui/dom.js').Child} */ value, /** @type {string} */ text, /** @type {string} */ more = '') =>
    h('div', { class: 'tile' }, h('b', {}, value), h('span', { class: 'soft small' }, text, more && h('br'), more));
  return h('div', {},
    h('div', { class: 'tiles' },
      tile(count(hook.delivered), t('webhook.delivered')),
      tile(count(hook.failed), t('webhook.failed')),
      tile(count(hook.waiting.events), t('webhook.waiting'), bytes(hook.waiting.bytes)),
      tile(count(hook.parked.events), t('webhook.parked'), bytes(hook.parked.bytes)),
      tile(count(hook.dropped), t('webhook.dropped'))),
    h('div', { class: 'row webhook-state' },
      hook.url === null ? h('span', { class: 'badge' }, t('webhook.none'))
        : hook.down_ms === null ? h('span', { class: `badge ${hook.parked.events > 0 ? 'warn' : 'good'}` }, t('webhook.up'))
          : h('span', { class: 'badge bad' }, t('webhook.down', { time: duration(hook.down_ms) })),
      hook.last_failure !== null && h('span', { class: 'grow' }, t('webhook.lastFailure'), ' ', h('code', {}, hook.last_failure)),
      h('span', { class: hook.last_failure === null ? 'grow' : '' }),
      h('button', { onclick: reload }, t('webhook.refresh'))));
}

/** @param {number} app @param {Schema<'WebhookView'>} hook @param {() => Promise<void>} reload */
function settings(app, hook, reload) {
  const [url, token, unsigned, problem] = [signal(hook.url ?? ''), signal(''), signal(false), signal('')];
  const save = async () => {
    problem.value = '';
    const wanted = { url: url.peek(), ...(unsigned.peek() ? { token: null } : token.peek() !== '' ? { token: token.peek() } : {}) };
    try {
      await api.setWebhook(app, wanted);
      toast(t('webhook.saved'));
      await reload();
    } catch (error) {
      problem.value = sentence(error);
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void save();
  };
  const remove = async () => {
    const agreed = await confirm({ title: t('webhook.removeTitle'), text: t('webhook.removeText'), action: t('webhook.remove') });
    if (agreed && (await attempt(() => api.removeWebhook(app)))) {
      toast(t('webhook.removed'));
      await reload();
    }
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('webhook.target'))),
    h('form', { class: 'body stack', onsubmit: submit, onkeydown: onCtrlEnter(save) },
      hook.url === null && h('div', { class: 'note' }, t('webhook.empty'), ' ', h('code', {}, `portraitd webhook set ${app} https://…`)),
      textField(t('webhook.url'), url, {
        type: 'url',
        required: true,
        placeholder: 'https://',
        'aria-invalid': () => String(problem.value !== ''),
      },
        () => problem.value && h('span', { class: 'invalid', role: 'alert' }, problem.value)),
      textField(t('webhook.token'), token, {
        type: 'password',
        autocomplete: 'new-password',
        maxlength: '128',
        disabled: () => unsigned.value,
        placeholder: hook.signed ? '••••••••' : '',
      },
        h('span', { class: 'soft small' }, hook.signed ? t('webhook.tokenSet') : t('webhook.tokenNone'))),
      hook.signed && checkField(t('webhook.unsigned'), unsigned),
      h('div', { class: 'row' },
        h('button', needs('admin', { class: 'primary' }), t('webhook.save')),
        h('span', { class: 'grow' }),
        hook.url !== null && h('button', needs('admin', { type: 'button', class: 'danger', onclick: remove }), t('webhook.remove')))));
}
