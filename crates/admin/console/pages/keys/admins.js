// The users whose UserSig may make every call of the app.

import * as api from '../../api.js';
import { address } from '../../app.js';
import { appChanged, currentApp, needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { confirm } from '../../ui/dialog.js';
import { textField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { table } from '../../ui/table.js';
import { toast } from '../../ui/toast.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';

/** @param {number} app */
export function adminsCard(app) {
  const name = signal('');
  const problem = signal(/** @type {unknown} */ (undefined));
  /** @param {() => Promise<any>} change @param {string} done */
  const apply = async (change, done) => {
    problem.value = undefined;
    try {
      appChanged(await change());
      toast(done);
      return true;
    } catch (error) {
      problem.value = error;
      return false;
    }
  };
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await apply(async () => api.addAdmin(app, name.peek()), t('keys.admin.added'))) name.value = '';
  };
  const remove = async (/** @type {string} */ user) => {
    const text = [h('p', {}, h('code', {}, visible(user))), h('p', {}, t('keys.admin.remove.about'))];
    if (!(await confirm({ title: t('keys.admin.remove.title'), text, action: t('keys.admin.remove') }))) return;
    await apply(async () => api.removeAdmin(app, user), t('keys.admin.removed'));
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('keys.admins'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('keys.admins.about')),
      () => problem.value !== undefined && failure(problem.value),
      h('form', { class: 'row keys-add', onsubmit: add },
        h('div', { class: 'grow' }, textField('UserID', name, { required: true, name: 'admin' })),
        h('button', needs('admin', { class: 'primary' }), t('keys.admin.add')))),
    table({
      label: t('keys.admins'),
      rows: () => currentApp()?.admins ?? [],
      keyOf: (user) => user,
      columns: [
        { title: 'UserID', cell: (user) => h('a', { href: address('users', user) }, h('code', {}, visible(user))) },
        {
          title: t('keys.actions'),
          cell: (user) => h('button', needs('admin', {
            class: 'danger', onclick: () => remove(user), 'aria-label': t('keys.admin.remove.of', { user }),
          }), t('keys.admin.remove.open')),
        },
      ],
      empty: () => t('keys.admins.none'),
    }));
}
