// Taking a user's data along, and deleting it.

import * as api from '../../api.js';
import { needs } from '../../state.js';
import { copyButton } from '../../ui/clipboard.js';
import { h, signal } from '../../ui/dom.js';
import { confirm } from '../../ui/dialog.js';
import { stringify } from '../../ui/json.js';
import { attempt, failure } from '../../ui/load.js';
import { save } from '../../ui/save.js';
import { toast } from '../../ui/toast.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';

/** @param {{ app: number, user: string, deleted: (user: string) => void }} tab */
export function dangerTab({ app, user, deleted }) {
  const problem = signal(/** @type {unknown} */ (undefined));
  const download = () => attempt(async () => {
    const { accounts } = await api.exportAccounts(app, { user });
    // One line, as `portraitd import` reads it. Line breaks inside of values are escaped, so every other can go.
    const line = `${stringify(accounts[0]).replace(/\n */g, '')}\n`;
    save(`${app}-${user.replace(/[^\p{L}\p{N}-]+/gu, '_')}.jsonl`, new Blob([line], { type: 'application/jsonl' }));
  });
  const remove = async () => {
    const text = h('div', { class: 'stack' },
      h('p', {}, t('users.delete.about')),
      h('div', { class: 'row' }, h('code', { class: 'grow' }, visible(user)), copyButton(() => user)));
    if (!(await confirm({ title: t('users.delete.title'), text, action: t('users.delete'), type: user }))) return;
    try {
      await api.deleteAccount(app, user);
      toast(t('users.delete.done'));
      deleted(user);
    } catch (error) {
      problem.value = error;
    }
  };
  return h('div', { class: 'stack' },
    h('div', {}, h('h3', {}, t('users.export')), h('p', { class: 'soft small' }, t('users.export.about'))),
    h('div', { class: 'row' }, h('button', needs('operator', { onclick: download }), t('users.export.action'))),
    h('div', {}, h('h3', {}, t('users.delete')), h('p', { class: 'soft small' }, t('users.delete.about'))),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'row' }, h('button', needs('operator', { class: 'danger', onclick: remove }), t('users.delete.open'))));
}
