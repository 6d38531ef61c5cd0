// The dialog that creates a user.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { open } from '../../ui/dialog.js';
import { textField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { onCtrlEnter } from '../../ui/keys.js';
import { t } from '../../i18n/language.js';

/** Returns the account; nothing when the dialog was closed. @param {number} app @returns {Promise<any>} */
export async function createUser(app) {
  let made;
  await open((close) => {
    const user = signal('');
    const problem = signal(/** @type {unknown} */ (undefined));
    const send = async () => {
      try {
        made = await api.createAccount(app, user.peek());
        close();
      } catch (error) {
        problem.value = error;
      }
    };
    return h('form', { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void send(); }, onkeydown: onCtrlEnter(send) },
      h('h2', {}, t('users.create')),
      h('p', { class: 'soft' }, t('users.create.about')),
      textField('UserID', user, { required: true, autofocus: true, name: 'user' }),
      () => problem.value !== undefined && failure(problem.value),
      h('div', { class: 'row' },
        h('span', { class: 'grow' }),
        h('button', { type: 'button', onclick: close }, t('cancel')),
        h('button', { class: 'primary' }, t('users.create.action'))));
  });
  return made;
}
