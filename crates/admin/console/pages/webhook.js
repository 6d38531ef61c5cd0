// An app's webhook: its state, where it points, a sample event, and the events that wait or are parked.

import * as api from '../api.js';
import { needs } from '../state.js';
import { jsonBlock, textBlock } from '../ui/code.js';
import { effect, h, signal, untracked } from '../ui/dom.js';
import { checkField, onCtrlEnter, tabs, textField } from '../ui/field.js';
import { bytes, count, duration, time } from '../ui/format.js';
import { pretty, stringify, tryParse } from '../ui/json.js';
import { attempt, confirm, failure, loaded, sentence, toast } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';

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
      h('button', { onclick: reload }, t('refresh'))));
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
    const agreed = await confirm({ title: t('webhook.removeTitle'), text: t('webhook.removeText'), action: t('remove') });
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
        h('button', needs('admin', { class: 'primary' }), t('save')),
        h('span', { class: 'grow' }),
        hook.url !== null && h('button', needs('admin', { type: 'button', class: 'danger', onclick: remove }), t('remove')))));
}

// Sending a sample event: the request as it was sent, and what the receiver answered.

/** @param {number} app @param {Schema<'WebhookView'>} hook */
function sample(app, hook) {
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
      if (sending) return h('p', { class: 'soft' }, t('sending'));
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
    h('h3', {}, t('request')), textBlock(head), block(body),
    h('h3', {}, status === null ? t('webhook.noAnswer') : t('webhook.answer', { status })),
    answer && block(answer));
}

/** @param {string} text */
function block(text) {
  return tryParse(text) === undefined ? textBlock(text) : jsonBlock(pretty(text));
}

// The events that wait or are parked: read, replayed, dropped; some of them or all.

const PAGE = 100;
/** The most that one call of replay or drop may name. */
const CHOSEN_MAX = 1000;

/** @param {number} app @param {Schema<'WebhookView'>} hook @param {() => Promise<void>} reload the whole page */
function events(app, hook, reload) {
  const kind = signal(hook.parked.events > 0 || hook.waiting.events === 0 ? 'parked' : 'waiting');
  const tab = (/** @type {'parked' | 'waiting'} */ id) => ({
    id,
    title: () => `${t(`webhook.tab.${id}`)} ${count(hook[id].events)}`,
    content: () => untracked(() => list(app, id, hook[id].events, reload)),
  });
  const { list: buttons, panel } = tabs(t('webhook.events'), kind, [tab('parked'), tab('waiting')]);
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, t('webhook.events')), buttons), panel);
}

/** @param {number} app @param {'parked' | 'waiting'} kind @param {number} all how many there are @param {() => Promise<void>} reload */
function list(app, kind, all, reload) {
  const state = signal(
    /** @type {{ events: Schema<'EventView'>[], next: number | null, error?: unknown, loading: boolean }} */ ({ events: [], next: null, loading: true }),
  );
  const chosen = signal(/** @type {Set<number>} */ (new Set()));
  const looked = signal(/** @type {number | null} */ (null));
  const load = async () => {
    const { events, next } = state.peek();
    try {
      const page = await api.webhookEvents(app, { state: kind, after: next ?? undefined, limit: PAGE });
      state.value = { events: [...events, ...page.events], next: page.next, loading: false };
    } catch (error) {
      state.value = { events, next, error, loading: false };
    }
  };
  effect(() => void untracked(load));

  const choose = (/** @type {number} */ place, /** @type {boolean} */ wanted) => {
    const next = new Set(chosen.peek());
    if (wanted && next.size < CHOSEN_MAX) next.add(place);
    else next.delete(place);
    chosen.value = next;
  };
  const chooseShown = (/** @type {boolean} */ wanted) => {
    chosen.value = new Set(wanted ? state.peek().events.slice(0, CHOSEN_MAX).map(({ place }) => place) : []);
  };
  /** @param {Schema<'EventChoice'>} choice @param {number} number */
  const replay = async (choice, number) => {
    if (number > 1 && !(await confirm({
      title: t('webhook.replayTitle', { n: count(number) }),
      text: t('webhook.replayText'),
      action: t('webhook.replay'),
      danger: false,
    }))) return;
    await attempt(async () => toast(t('webhook.replayed', { n: count((await api.replayEvents(app, choice)).events) })));
    await reload();
  };
  /** @param {Schema<'EventChoice'>} choice @param {number} number */
  const drop = async (choice, number) => {
    const agreed = await confirm({
      title: t('webhook.dropTitle', { n: count(number) }),
      text: t('webhook.dropText'),
      action: t('webhook.drop'),
      type: number > 1 ? String(number) : undefined,
    });
    if (!agreed) return;
    await attempt(async () => toast(t('webhook.droppedNow', { n: count((await api.dropEvents(app, { ...choice, state: kind })).events) })));
    await reload();
  };
  const some = () => ({ places: [...chosen.peek()] });
  const none = () => chosen.value.size === 0;
  /** @param {string} class_ @param {any} disabled @param {() => void} onclick @param {string} text */
  const button = (class_, disabled, onclick, text) => h('button', needs('operator', { class: class_, disabled, onclick }), text);

  return h('div', {},
    all > 0 && h('div', { class: 'body row webhook-actions' },
      h('label', { class: 'check' },
        h('input', {
          type: 'checkbox',
          checked: () => !none() && chosen.value.size === state.value.events.length,
          onchange: (/** @type {any} */ event) => chooseShown(event.target.checked),
        }),
        t('webhook.chooseShown')),
      h('span', { class: 'soft small', role: 'status' }, () => t('webhook.chosen', { n: count(chosen.value.size) })),
      h('span', { class: 'grow' }),
      kind === 'parked' && button('', none, () => replay(some(), chosen.peek().size), t('webhook.replayChosen')),
      button('danger', none, () => drop(some(), chosen.peek().size), t('webhook.dropChosen')),
      kind === 'parked' && button('primary', false, () => replay({}, all), t('webhook.replayAll', { n: count(all) })),
      button('danger', false, () => drop({}, all), t('webhook.dropAll', { n: count(all) }))),
    () => state.value.error !== undefined && failure(state.value.error, load),
    table({
      label: t(`webhook.tab.${kind}`),
      rows: () => state.value.events,
      keyOf: ({ place }) => place,
      chosen: looked,
      columns: [
        {
          title: '✓',
          cell: ({ place }) => h('input', {
            type: 'checkbox', 'aria-label': t('webhook.choose', { place }), checked: () => chosen.value.has(place),
            onclick: (/** @type {Event} */ event) => event.stopPropagation(),
            onchange: (/** @type {any} */ event) => choose(place, event.target.checked),
          }),
        },
        {
          title: t('user'),
          cell: ({ event }) => (event ? h('code', {}, event.user) : h('span', { class: 'badge bad' }, t('damaged'))),
        },
        { title: t('webhook.column.changed'), narrow: true, cell: ({ event }) => event && time(event.at_ms) },
        { title: t('webhook.column.attempts'), number: true, cell: ({ attempts }) => count(attempts) },
        {
          title: t('webhook.column.due'),
          narrow: true,
          cell: ({ due_ms: due }) => kind === 'waiting' && (due === 0 ? t('webhook.soon') : time(due)),
        },
        { title: t('webhook.column.failure'), cell: ({ failure }) => failure ?? '–' },
      ],
      empty: () => (state.value.loading ? t('loading') : kind === 'parked' ? t('webhook.noParked') : t('webhook.noWaiting')),
    }),
    () => state.value.next !== null && h('div', { class: 'body row' }, h('button', { onclick: load }, t('webhook.more'))),
    () => {
      const event = state.value.events.find(({ place }) => place === looked.value);
      return event && h('div', { class: 'body' }, h('h3', {}, t('webhook.event', { place: event.place })), jsonBlock(stringify(event)));
    });
}
