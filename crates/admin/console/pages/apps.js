// The apps of this server: made, with their key shown once; in an emulator also throw-away apps.

import * as api from '../api.js';
import { appNumber, apps, isDev, loadApps, needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { confirm, showOnce } from '../ui/dialog.js';
import { checkField, textField } from '../ui/field.js';
import { attempt, loaded } from '../ui/load.js';
import { count } from '../ui/numbers.js';
import { table } from '../ui/table.js';
import { time } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';

/** How many apps' usage is asked for at a time, so that hundreds of apps do not become hundreds of requests at once. */
const ASKED_AT_ONCE = 6;

export default function appsPage() {
  const load = async () => {
    const [, throwAway] = await Promise.all([loadApps(), isDev() ? api.throwAwayApps().catch(() => null) : null]);
    return { list: apps.peek(), throwAway };
  };
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.apps')), h('p', { class: 'soft' }, t('apps.about')))),
    loaded(load, ({ list, throwAway }, reload) => h('div', {},
      h('div', { class: throwAway ? 'split' : '' }, newApp(reload), throwAway && newThrowAway(reload)),
      appList(list, throwAway ?? [], reload))));
}

/** @param {() => Promise<void>} reload */
function newApp(reload) {
  const [number, name] = [signal(''), signal('')];
  const create = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(async () => {
      const made = await api.createApp({ sdkappid: Number(number.peek()), name: name.peek() });
      await reload();
      await showOnce({ title: t('apps.made', { app: made.sdkappid }), text: t('apps.once'), secret: /** @type {string} */ (made.key) });
    });
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('apps.new'))),
    h('form', { class: 'body stack', onsubmit: create },
      textField(
        t('apps.number'),
        number,
        { required: true, inputmode: 'numeric', pattern: '[1-9][0-9]{0,9}', title: t('apps.numberRule') },
      ),
      textField(t('apps.name'), name, { maxlength: '100' }),
      h('div', { class: 'row' }, h('button', needs('admin', { class: 'primary' }), t('apps.create')))));
}

/** @param {() => Promise<void>} reload */
function newThrowAway(reload) {
  const [empty, webhook] = [signal(false), signal(false)];
  const create = () => attempt(async () => {
    const made = await api.makeThrowAwayApp({ like: appNumber.peek() || undefined, empty: empty.peek(), webhook: webhook.peek() });
    await reload();
    await showOnce({
      title: t('apps.made', { app: made.sdkappid }),
      text: t('apps.throwAwayOnce', { admin: made.admin }),
      secret: made.key,
    });
  });
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('apps.throwAway'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('apps.throwAwayAbout', { app: appNumber.peek() })),
      h('div', { class: 'row' }, checkField(t('apps.empty'), empty), checkField(t('apps.webhook'), webhook)),
      h('div', { class: 'row' }, h('button', needs('operator', { onclick: create }), t('apps.throwAwayMake')))));
}

/** @param {Schema<'AppView'>[]} list @param {number[]} throwAway @param {() => Promise<void>} reload */
function appList(list, throwAway, reload) {
  const usage = signal(/** @type {Map<number, any>} */ (new Map()));
  void askUsage(list, usage);
  const used = (/** @type {Schema<'AppView'>} */ app, /** @type {(usage: Schema<'UsageView'>) => import('../ui/dom.js').Child} */ show) => () => {
    const found = usage.value.get(app.sdkappid);
    return found === undefined ? '…' : found === null ? '–' : show(found);
  };
  const remove = async (/** @type {number} */ app) => {
    const agreed = await confirm({ title: t('apps.removeTitle', { app }), text: t('apps.removeText'), action: t('apps.remove') });
    if (agreed && (await attempt(() => api.deleteThrowAwayApp(app)))) {
      toast(t('apps.removed', { app }));
      await reload();
    }
  };
  return h('section', { class: 'card' }, table({
    label: t('page.apps'),
    rows: () => list,
    keyOf: ({ sdkappid }) => sdkappid,
    columns: [
      { title: 'SDKAppID', cell: ({ sdkappid }) => h('a', { class: 'nowrap', href: `#/${sdkappid}/settings` }, h('code', {}, sdkappid)) },
      {
        title: t('apps.column.name'),
        cell: ({ name, sdkappid }) => [name, ' ', throwAway.includes(sdkappid) && h('span', { class: 'badge' }, t('apps.throwAwayBadge'))],
      },
      {
        title: t('apps.column.state'),
        cell: ({ enabled }) => h('span', { class: `badge ${enabled ? 'good' : 'bad'}` }, enabled ? t('apps.on') : t('apps.off')),
      },
      { title: t('apps.column.accounts'), number: true, cell: (app) => used(app, ({ accounts }) => count(accounts)) },
      { title: t('apps.column.calls'), number: true, narrow: true, cell: (app) => used(app, ({ calls }) => count(sum(calls))) },
      {
        title: t('apps.column.last'),
        narrow: true,
        cell: (app) => used(app, ({ last_call_ms: last }) => (last === null ? h('span', { class: 'soft' }, t('apps.never')) : time(last))),
      },
      {
        title: t('apps.column.action'),
        cell: ({ sdkappid }) => throwAway.includes(sdkappid) && h(
          'button',
          needs('operator', { class: 'danger', 'aria-label': `${t('apps.remove')} ${sdkappid}`, onclick: () => remove(sdkappid) }),
          t('apps.remove'),
        ),
      },
    ],
    empty: () => [t('app.none'), ' ', h('code', {}, 'portraitd app create 1400000000')],
  }));
}

/** @param {Schema<'AppView'>[]} list @param {{ value: Map<number, Schema<'UsageView'>>, peek: () => Map<number, Schema<'UsageView'>> }} usage */
async function askUsage(list, usage) {
  for (let start = 0; start < list.length; start += ASKED_AT_ONCE) {
    const some = list.slice(start, start + ASKED_AT_ONCE);
    const found = await Promise.all(some.map(({ sdkappid }) => api.usage(sdkappid).catch(() => null)));
    usage.value = new Map([...usage.peek(), ...some.map(({ sdkappid }, index) => /** @type {[number, any]} */ ([sdkappid, found[index]]))]);
  }
}

/** @param {Record<string, Record<string, number>>} calls */
function sum(calls) {
  return Object.values(calls).flatMap((codes) => Object.values(codes)).reduce((all, one) => all + one, 0);
}
