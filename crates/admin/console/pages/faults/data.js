// Resets and snapshots. A server that keeps its data has neither, and says why.

import * as api from '../../api.js';
import { loadApps, loadEmulator, needs } from '../../state.js';
import { t } from '../../i18n/language.js';
import { confirm } from '../../ui/dialog.js';
import { h, signal } from '../../ui/dom.js';
import { selectField, textField } from '../../ui/field.js';
import { attempt, loaded, sentence } from '../../ui/load.js';
import { toast } from '../../ui/toast.js';

const CONFLICT = 409;

/** @param {number} app */
export function dataCard(app) {
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
    h('button', needs('operator', {}), t('faults.save')));
}

/** @param {Snapshot} snapshot @param {() => Promise<void>} reload */
function snapshotRow({ name, app, apps, accounts }, reload) {
  const restore = async () => {
    const question = { title: t('faults.restore_title', { name }), text: t('faults.restore_text'), action: t('faults.restore') };
    if (!(await confirm(question))) return;
    await attempt(async () => {
      await api.restoreSnapshot(name);
      toast(t('faults.restored', { name }));
      await refresh();
    });
  };
  const remove = async () => {
    if (!(await confirm({ title: t('faults.delete_title', { name }), action: t('faults.delete') }))) return;
    if (await attempt(() => api.deleteSnapshot(name))) await reload();
  };
  return h('li', {},
    h('div', {}, h('code', {}, name), h('div', { class: 'soft small' },
      app === null ? t('faults.everything') : t('faults.this_app', { app }), ' · ', t('faults.holds', { apps, accounts }))),
    h('button', needs('operator', { onclick: restore, 'aria-label': t('faults.restore_one', { name }) }), t('faults.restore')),
    h('button', needs('operator', { class: 'danger', onclick: remove, 'aria-label': t('faults.delete_one', { name }) }),
      t('faults.delete')));
}
