// The dialog that defines a custom field, or changes one.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { open } from '../../ui/dialog.js';
import { checkField, selectField, textField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { onCtrlEnter } from '../../ui/keys.js';
import { t } from '../../i18n/language.js';

const TYPES = ['string', 'bytes', 'uint64'];

/**
 * Returns the app with the field; nothing when the dialog was closed.
 * @param {number} app @param {Schema<'FieldView'> | null} field the field to change; null for a new one
 * @returns {Promise<any>}
 */
export async function defineField(app, field) {
  let changed;
  await open((close) => {
    const keyword = signal(field?.keyword ?? '');
    const type = signal(field?.type ?? 'string');
    const box = (/** @type {'read' | 'write'} */ what, /** @type {string} */ who) => signal(field ? field[what].includes(who) : true);
    const boxes = {
      read: { app: box('read', 'app'), admin: box('read', 'admin') },
      write: { app: box('write', 'app'), admin: box('write', 'admin') },
    };
    const problem = signal(/** @type {unknown} */ (undefined));
    const busy = signal(false);
    const chosen = (/** @type {'read' | 'write'} */ what) =>
      Object.entries(boxes[what]).filter(([, one]) => one.peek()).map(([who]) => who);
    const send = async () => {
      busy.value = true;
      problem.value = undefined;
      try {
        changed = await api.defineField(app, keyword.peek(), { type: type.peek(), read: chosen('read'), write: chosen('write') });
        close();
      } catch (error) {
        problem.value = error;
      }
      busy.value = false;
    };
    const group = (/** @type {'read' | 'write'} */ what) => h('fieldset', { class: 'row' },
      h('legend', {}, t(what === 'read' ? 'fields.read' : 'fields.write')),
      checkField(t('fields.users'), boxes[what].app),
      checkField(t('fields.admins'), boxes[what].admin));
    return h('form', { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); void send(); }, onkeydown: onCtrlEnter(send) },
      h('h2', {}, field ? t('fields.edit.title', { keyword: field.keyword }) : t('fields.define')),
      !field && textField(
        t('fields.keyword'),
        keyword,
        { name: 'keyword', required: true, maxlength: '8', pattern: '[A-Za-z]{1,8}', title: t('fields.keyword.rule'), autofocus: true },
        h('code', {}, () => `Tag_Profile_Custom_${keyword.value}`)),
      selectField(t('fields.type'), type, () => TYPES.map((one) => [one, one]), { name: 'type' }),
      () => field && type.value !== field.type && h('div', { class: 'note warn' }, t('fields.type.change')),
      group('read'),
      group('write'),
      () => problem.value !== undefined && failure(problem.value),
      h('div', { class: 'row' },
        h('span', { class: 'grow' }),
        h('button', { type: 'button', onclick: close }, t('cancel')),
        h('button', { class: 'primary', disabled: () => busy.value }, t('fields.save'))));
  });
  return changed;
}
