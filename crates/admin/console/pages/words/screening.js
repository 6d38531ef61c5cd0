// Which fields are checked for the words, and how a call with one is answered.

import * as api from '../../api.js';
import { appChanged, currentApp, fieldsOf, needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { checkField, selectField } from '../../ui/field.js';
import { failure } from '../../ui/load.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/language.js';

/** @param {number} app */
export function screening(app) {
  return h('div', { class: 'card' },
    h('header', {}, h('h2', {}, t('words.fields'))),
    () => {
      const settings = currentApp();
      return settings && form(app, settings);
    });
}

/** @param {number} app @param {Schema<'AppView'>} settings */
function form(app, settings) {
  const texts = fieldsOf(settings).filter(({ type, values }) => type === 'string' && values.length === 0).map(({ tag }) => tag);
  const tags = [...new Set([...texts, ...settings.screened_tags])];
  const isScreened = (/** @type {string} */ tag) => settings.screened_tags.includes(tag);
  const boxes = tags.map((tag) => ({ tag, checked: signal(isScreened(tag)) }));
  const code = signal(String(settings.sensitive_code));
  const problem = signal(/** @type {unknown} */ (undefined));
  const chosen = () => boxes.filter(({ checked }) => checked.value).map(({ tag }) => tag);
  const changed = () => code.value !== String(settings.sensitive_code) || chosen().join() !== tags.filter(isScreened).join();
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      appChanged(await api.changeApp(app, { screened_tags: chosen(), sensitive_code: Number(code.peek()) }));
      toast(t('words.fields.saved'));
    } catch (error) {
      problem.value = error;
    }
  };
  return h('form', { class: 'body stack', onsubmit: save },
    h('p', { class: 'soft small' }, t('words.fields.about')),
    boxes.map(({ tag, checked }) => checkField(tag, checked)),
    selectField(t('words.code'), code, () => [['40005', t('words.code.profile')], ['80001', t('words.code.text')]]),
    () => chosen().length === 0 && h('div', { class: 'note warn' }, t('words.fields.none')),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'row' }, h('button', needs('admin', { class: 'primary', disabled: () => !changed() }), t('words.fields.save'))));
}
