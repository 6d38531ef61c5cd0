// Faults, time and data: what the cloud never lets a test do.

import * as api from '../api.js';
import { clockChange, emulator, loadApps, loadEmulator, needs } from '../state.js';
import { h, onCleanup, signal } from '../ui/dom.js';
import { selectField, textField } from '../ui/field.js';
import { time } from '../ui/format.js';
import { attempt, confirm, loaded, sentence, toast } from '../ui/page.js';
import { t } from '../i18n/language.js';
import { ruleForm, rulesCard } from './faults/rules.js';

/** @param {{ app: number, query: URLSearchParams }} page */
export default function faultsPage({ app, query }) {
  loadEmulator().catch((error) => toast(sentence(error), 'bad'));
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.faults')), h('p', { class: 'soft' }, t('faults.about')))),
    h('div', { class: 'split' },
      h('div', {}, ruleForm(app, query)),
      h('div', {}, rulesCard(), clockCard(), dataCard(app))));
}

// The emulator's clock: UserSigs, limits and webhooks follow it.

const STEPS = ['1h', '1d', '90d', '181d'];
const TICK_MS = 1000;

function clockCard() {
  const tick = signal(Date.now());
  const timer = setInterval(() => (tick.value = Date.now()), TICK_MS);
  onCleanup(() => clearInterval(timer));
  const clock = () => emulator.value?.clock;
  const now = (/** @type {ClockView} */ { now_ms, frozen }, /** @type {number} */ at) =>
    (frozen ? now_ms : now_ms + Math.max(tick.value - at, 0));
  const run = (/** @type {() => Promise<any>} */ request) => attempt(async () => {
    await request();
    await loadEmulator();
  });
  const change = (/** @type {ClockChange} */ wanted) => run(() => api.changeClock(wanted));
  const wanted = h('input', { type: 'datetime-local', step: '1', 'aria-label': t('faults.set_to') });
  const set = (/** @type {Event} */ event) => {
    event.preventDefault();
    const at = new Date(wanted.value).getTime();
    if (Number.isNaN(at)) wanted.focus();
    else void change({ now: at });
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('faults.clock')), h('span', { class: 'grow' }),
      () => emulator.value && h('b', { class: 'clock' }, time(now(emulator.value.clock, emulator.value.at)))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('faults.clock_about')),
      () => emulator.value && h('p', {}, h('span', { class: { badge: true, warn: clockChange.value !== null } }, difference(emulator.value.clock))),
      h('div', { class: 'row' },
        STEPS.map((step) => h('button', needs('operator', { onclick: () => change({ advance: step }) }), `+${step}`)),
        h('button', needs('operator', { onclick: () => change({ frozen: !clock()?.frozen }) }),
          () => t(clock()?.frozen ? 'faults.go_on' : 'faults.freeze')),
        h('button', needs('operator', { disabled: () => clockChange.value === null, onclick: () => run(api.releaseClock) }), t('faults.machine_time'))),
      h('form', { class: 'row', onsubmit: set }, wanted, h('button', needs('operator', {}), t('faults.set')))));
}

/** How far a clock is from the machine's, in words. @param {ClockView} clock */
function difference(clock) {
  const minutes = Math.round(Math.abs(clock.ahead_ms) / 60_000);
  const parts = [[Math.floor(minutes / 1440), 'd'], [Math.floor(minutes / 60) % 24, 'h'], [minutes % 60, 'min']];
  const span = parts.filter(([count]) => count !== 0).map(([count, unit]) => `${count} ${unit}`).join(' ') || '< 1 min';
  const words = clock.ahead_ms === 0 ? t('faults.same') : t(clock.ahead_ms > 0 ? 'faults.ahead' : 'faults.behind', { span });
  return clock.frozen ? `${words} · ${t('faults.frozen')}` : words;
}

// Resets and snapshots. A server that keeps its data has neither, and says why.

const CONFLICT = 409;

/** @param {number} app */
function dataCard(app) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('faults.data'))),
    h('div', { class: 'body' }, loaded(snapshots, ({ list, refused }, reload) => h('div', { class: 'stack' },
      refused && h('div', { class: 'note warn' }, refused),
      h('fieldset', { disabled: refused !== '' }, h('legend', {}, t('faults.reset')), resetForm(app, reload)),
      h('fieldset', { disabled: refused !== '' }, h('legend', {}, t('faults.snapshots')),
        saveForm(app, reload),
        list.length > 0 && h('ul', { class: 'rules' }, list.map((one) => snapshotRow(one, reload))),
        list.length === 0 && refused === '' && h('p', { class: 'soft small' }, t('faults.no_snapshots')))))));
}

/** The snapshots, or the sentence that says why there are none. @returns {Promise<{ list: Snapshot[], refused: string }>} */
async function snapshots() {
  try {
    return { list: await api.snapshots(), refused: '' };
  } catch (error) {
    if (error instanceof api.ApiError && error.status === CONFLICT) return { list: [], refused: sentence(error) };
    throw error;
  }
}

/** @param {number} app @param {{ value: string }} scope */
const scopeField = (app, scope) =>
  selectField(t('faults.scope'), scope, () => [['app', t('faults.this_app', { app })], ['all', t('faults.everything')]]);
/** @param {number} app @param {{ peek: () => string }} scope */
const scopeOf = (app, scope) => (scope.peek() === 'app' ? { app } : {});

/** Apps may have come, gone or changed. */
const refresh = () => Promise.all([loadApps(), loadEmulator()]);

/** @param {number} app @param {() => Promise<void>} reload */
function resetForm(app, reload) {
  const scope = signal('app');
  const to = signal(/** @type {'seed' | 'empty'} */ ('seed'));
  const run = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const whole = scope.peek() === 'all';
    const agreed = await confirm({
      title: t('faults.reset_title'),
      text: t(whole ? 'faults.reset_everything_text' : 'faults.reset_app_text', { app }),
      action: t('faults.reset'),
    });
    if (!agreed) return;
    await attempt(async () => {
      const { apps, accounts } = await api.reset({ ...scopeOf(app, scope), to: to.peek() });
      toast(t('faults.reset_done', { apps, accounts }));
      await refresh();
    });
    await reload();
  };
  return h('form', { class: 'faults-fields', onsubmit: run },
    scopeField(app, scope),
    selectField(t('faults.to'), to, () => [['seed', t('faults.to_seed')], ['empty', t('faults.to_empty')]]),
    h('button', needs('operator', { class: 'danger' }), t('faults.reset')));
}

/** @param {number} app @param {() => Promise<void>} reload */
function saveForm(app, reload) {
  const name = signal('');
  const scope = signal('app');
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const saved = await attempt(async () => {
      const { apps, accounts } = await api.saveSnapshot(name.peek(), scopeOf(app, scope));
      toast(t('faults.saved', { name: name.peek(), apps, accounts }));
    });
    if (saved) await reload();
  };
  return h('form', { class: 'faults-fields', onsubmit: save },
    textField(t('faults.name'), name, { required: true, maxlength: 64 }),
    scopeField(app, scope),
    h('button', needs('operator', {}), t('save')));
}

/** @param {Snapshot} snapshot @param {() => Promise<void>} reload */
function snapshotRow({ name, app, apps, accounts }, reload) {
  const restore = async () => {
    const question = { title: t('faults.restore_title', { name }), text: t('faults.restore_text'), action: t('restore') };
    if (!(await confirm(question))) return;
    await attempt(async () => {
      await api.restoreSnapshot(name);
      toast(t('faults.restored', { name }));
      await refresh();
    });
  };
  const remove = async () => {
    if (!(await confirm({ title: t('faults.delete_title', { name }), action: t('delete') }))) return;
    if (await attempt(() => api.deleteSnapshot(name))) await reload();
  };
  return h('li', {},
    h('div', {}, h('code', {}, name), h('div', { class: 'soft small' },
      app === null ? t('faults.everything') : t('faults.this_app', { app }), ' · ', t('faults.holds', { apps, accounts }))),
    h('button', needs('operator', { onclick: restore, 'aria-label': t('faults.restore_one', { name }) }), t('restore')),
    h('button', needs('operator', { class: 'danger', onclick: remove, 'aria-label': t('faults.delete_one', { name }) }),
      t('delete')));
}
