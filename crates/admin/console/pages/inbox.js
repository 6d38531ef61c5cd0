// Webhook inbox: what the emulator's own receiver was told.

import * as api from '../api.js';
import { address } from '../app.js';
import { apps, needs } from '../state.js';
import { calls, webhooks } from '../stream.js';
import { t } from '../i18n/language.js';
import { textBlock } from '../ui/code.js';
import { confirm } from '../ui/dialog.js';
import { computed, h, signal } from '../ui/dom.js';
import { checkField } from '../ui/field.js';
import { attempt, loaded } from '../ui/load.js';
import { bodyText, streamList } from '../ui/stream_list.js';
import { clockTime, time } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { pair, recorded } from './calls/detail.js';

/** A change is told of within this time after its call, unless the receiver was down. */
const MATCH_MS = 10_000;

/** @param {{ app: number }} page */
export default function inboxPage({ app }) {
  const [text, box, everyApp] = [signal(''), signal(''), signal(false)];
  const chosen = signal(/** @type {any} */ (null));
  const boxes = computed(() => [...new Set(webhooks.value.map((entry) => entry.box))].sort().join('\n'));
  /** An entry of no app is shown with every app. */
  const ofApp = (/** @type {RecordedWebhook} */ entry) => entry.app === app || !apps.value.some(({ sdkappid }) => sdkappid === entry.app);
  const clear = () => attempt(async () => {
    const all = everyApp.peek() || apps.peek().length === 1;
    await api.clearInbox(all ? undefined : app);
    webhooks.value = webhooks.peek().filter((entry) => !all && entry.app !== app);
    chosen.value = null;
  });
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.inbox')), h('p', { class: 'soft' }, t('inbox.about')))),
    receiver(app),
    streamList({
      entries: webhooks,
      keyOf: (entry) => entry.number,
      label: t('page.inbox'),
      columns: [
        { title: '#', cell: (entry) => h('span', { class: 'soft' }, entry.number), narrow: true },
        { title: t('calls.time'), cell: (entry) => h('span', { class: 'mono' }, clockTime(entry.at_ms)), narrow: true },
        { title: t('inbox.command'), cell: (entry) => h('span', { class: 'mono' }, entry.command ?? '–') },
        { title: t('inbox.user'), cell: (entry) => h('bdi', {}, entry.user ?? '–') },
        { title: t('inbox.box'), cell: (entry) => entry.box },
      ],
      filter: { text, label: t('inbox.filter'), textOf },
      visible: (entry) => (everyApp.value || ofApp(entry)) && (!box.value || entry.box === box.value),
      choices: [
        h('select', { 'aria-label': t('inbox.box'), onchange: (/** @type {any} */ event) => (box.value = event.target.value) },
          h('option', { value: '' }, t('inbox.every_box')), () =>
            boxes.value.split('\n').filter(Boolean).map((name) => h('option', { value: name, selected: name === box.peek() }, name))),
        () => apps.value.length > 1 && checkField(t('calls.all'), everyApp),
      ],
      empty: () => h('div', { class: 'stack first-run' }, h('p', {}, t('inbox.empty')),
        loaded(api.environment, ({ url }) =>
          textBlock(`curl -X POST '${boxUrl(url, app)}?SdkAppid=${app}' -d '{"From_Account":"alice"}'`))),
      chosen,
      detail: entryDetail,
      clear,
    }));
}

/** The box of an app has its number, as those of throw-away apps do. @param {string} url @param {number} app */
const boxUrl = (url, app) => `${url}/_portraitd/webhooks/${app}`;

/** Where the app's events go now, and the button that leads them here. @param {number} app */
function receiver(app) {
  const load = async () => ({ now: (await api.webhook(app)).url, here: boxUrl((await api.environment()).url, app) });
  return h('section', { class: 'card' }, h('div', { class: 'body' }, loaded(load, ({ now, here }, reload) => {
    const isHere = now !== null && now.startsWith(here.slice(0, here.lastIndexOf('/') + 1));
    const point = async () => {
      const question = { title: t('inbox.point'), text: t('inbox.replaces', { url: now }), action: t('inbox.point'), danger: false };
      if (now !== null && !(await confirm(question))) return;
      const done = await attempt(async () => {
        await api.setWebhook(app, { url: here });
        toast(t('inbox.pointed'));
      });
      if (done) await reload();
    };
    return h('div', { class: 'row' },
      h('div', { class: 'grow' },
        now === null ? t('inbox.is_nowhere', { app }) : [t(isHere ? 'inbox.is_here' : 'inbox.is_elsewhere'), ' ', h('code', {}, now)]),
      h('a', { class: 'button', href: address('webhook') }, t('inbox.settings')),
      !isHere && h('button', needs('admin', { class: 'primary', onclick: point }), t('inbox.point')));
  })));
}

/** @param {RecordedWebhook} entry */
function entryDetail(entry) {
  return h('div', {},
    h('header', { class: 'detail-head' }, h('h2', { class: 'mono' }, entry.command ?? t('inbox.no_command'))),
    h('div', { class: 'body stack' },
      h('dl', { class: 'pairs' },
        pair(t('calls.at'), time(entry.at_ms)),
        pair(t('inbox.user'), h('bdi', {}, entry.user ?? '–')),
        pair(t('inbox.cause'), () => causeLink(entry)),
        pair(t('inbox.box'), h('code', {}, entry.box)),
        pair(t('inbox.event_id'), h('code', {}, entry.event_id ?? '–'))),
      recorded(t('calls.body'), entry.body),
      recorded(t('inbox.query'), entry.query),
      recorded(t('inbox.headers'), entry.headers)));
}

/** The call that the event tells of: the last one of that user before it. @param {RecordedWebhook} entry */
function causeLink(entry) {
  const at = Number(entry.body?.EventTime ?? entry.at_ms);
  const isNear = (/** @type {RecordedCall} */ call) => entry.user !== null && entry.user !== null && call.users.includes(entry.user) && Math.abs(at - call.at_ms) <= MATCH_MS;
  const isWrite = (/** @type {RecordedCall} */ call) => call.code === 0 && !/(_get|_check)$/.test(call.command ?? '');
  const [cause] = calls.value.filter((call) => call.app === entry.app && isWrite(call) && isNear(call))
    .sort((one, other) => Math.abs(at - one.at_ms) - Math.abs(at - other.at_ms));
  if (!cause) return t('inbox.no_cause');
  const call = `${address('calls')}?id=${encodeURIComponent(cause.request_id)}`;
  return h('a', { href: call }, h('code', {}, cause.command), ` #${cause.number}`);
}

/** @param {RecordedWebhook} entry */
function textOf(entry) {
  return [entry.command, entry.user, entry.box, entry.event_id, entry.body === null ? '' : bodyText(entry.body)].join('\n');
}
