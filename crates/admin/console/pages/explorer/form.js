// The form of a body: it reads the JSON text and rewrites it, so that form and text are always the same call.

import { computed, each, effect, h } from '../../ui/dom.js';
import { checkField, textField } from '../../ui/field.js';
import { tryParse } from '../../ui/json.js';
import { t } from '../../i18n/language.js';
import { FORMS, USER_ID_BYTES_MAX, bytesOf, edit, formProblem } from './forms.js';
import { profileItems, tagList } from './form_fields.js';
import { byteCounter, removeButton } from './form_parts.js';
import { bodyTab } from './state.js';

/** As many accounts as one call may name. */
const ACCOUNTS_MAX = 100;

/**
 * @typedef {object} Form
 * @property {{ value: any }} body what the text holds
 * @property {(change: (body: any) => void) => void} edit
 */

/** @param {import('./state.js').Draft} draft */
export function bodyForm({ command, text }) {
  const body = computed(() => tryParse(text.value));
  // As text, so that the form is rebuilt only when it can be shown no longer, or again.
  const problem = computed(() => {
    const found = formProblem(command, text.value);
    return found && t(`explorer.form.${found.reason}`, { member: found.member });
  });
  /** @type {Form} */
  const form = { body, edit: (change) => edit(text, change) };
  return h('div', { class: 'stack' }, () => problem.value !== null
    ? h('div', { class: 'note warn' }, h('b', {}, problem.value), t('explorer.form.sendable'), ' ',
      h('button', { type: 'button', onclick: () => (bodyTab.value = 'json') }, t('explorer.form.to_json')))
    : members(form, command));
}

/** @param {Form} form @param {string} command */
function members(form, command) {
  if (command === 'multiaccount_import') return multiImport(form);
  return FORMS[command].map((member) => h('div', {}, memberField(form, member)));
}

/** @param {Form} form @param {import('./forms.js').Member} member */
function memberField(form, { member, kind, max, optional }) {
  const label = t(/** @type {any} */ (`explorer.member.${member}`));
  switch (kind) {
    case 'text': return oneText(form, label, member, max ?? 0, optional ?? false);
    case 'texts': return lines(label, () => form.body.value?.[member] ?? [], (ids) => form.edit((body) => (body[member] = ids)));
    case 'ids': return lines(
      label,
      () => (form.body.value?.[member] ?? []).map((/** @type {any} */ one) => one.UserID ?? ''),
      (ids) => form.edit((body) => (body[member] = ids.map((UserID) => ({ UserID })))));
    case 'items': return profileItems(form, label, member);
    case 'tags': return tagList(form, label, member);
    case 'accounts': return accountList(form, label, member);
  }
}

/** @param {Form} form @param {string} label @param {string} member @param {number} max @param {boolean} optional */
function oneText(form, label, member, max, optional) {
  const value = {
    get value() { return form.body.value?.[member] ?? ''; },
    set value(typed) {
      form.edit((body) => {
        if (typed === '' && optional) delete body[member];
        else body[member] = typed;
      });
    },
  };
  return textField(label, value, {}, byteCounter(() => value.value, max));
}

/** A list of UserIDs, one a line. @param {string} label @param {() => string[]} read @param {(ids: string[]) => void} write */
function lines(label, read, write) {
  const ofArea = () => {
    const all = area.value.split('\n');
    return all.at(-1) === '' ? all.slice(0, -1) : all;
  };
  const area = h('textarea', { spellcheck: 'false', autocapitalize: 'off', oninput: () => write(ofArea()) });
  effect(() => {
    const ids = read();
    // A line that has just been begun is no UserID yet: it stays in the area all the same.
    if (ids.join('\n') !== ofArea().join('\n')) area.value = ids.join('\n');
  });
  const tooLong = computed(() => read().find((id) => bytesOf(id) > USER_ID_BYTES_MAX) ?? '');
  return h('label', { class: 'field' }, h('span', {}, label), area,
    accountCounter(() => read().length),
    () => tooLong.value && h('span', { class: 'invalid' }, t('explorer.too_long', { id: tooLong.value, max: USER_ID_BYTES_MAX })));
}

/** @param {() => number} count */
function accountCounter(count) {
  return h('span', { class: () => (count() > ACCOUNTS_MAX ? 'invalid' : 'soft small') },
    () => t('explorer.accounts', { n: count(), max: ACCOUNTS_MAX }));
}

/** Both forms of multiaccount_import: UserIDs alone, or with Nick and FaceUrl. @param {Form} form */
function multiImport(form) {
  const [ids, accounts] = FORMS.multiaccount_import;
  const withProfiles = computed(() => accounts.member in (form.body.value ?? {}));
  const toggle = () => form.edit((body) => {
    if (withProfiles.peek()) {
      body.Accounts = body.AccountList.map((/** @type {any} */ one) => one.UserID ?? '');
      delete body.AccountList;
    } else {
      body.AccountList = (body.Accounts ?? []).map((/** @type {string} */ UserID) => ({ UserID }));
      delete body.Accounts;
    }
  });
  return [
    checkField(t('explorer.with_profiles'), { get value() { return withProfiles.value; }, set value(_) { toggle(); } }),
    h('div', {}, () => memberField(form, withProfiles.value ? accounts : ids)),
  ];
}

/** @param {Form} form @param {string} label @param {string} member */
function accountList(form, label, member) {
  const list = () => form.body.value?.[member] ?? [];
  const part = (/** @type {number} */ index, /** @type {string} */ name) => h('input', {
    'aria-label': `${t(/** @type {any} */ (`explorer.member.${name}`))} ${index + 1}`,
    placeholder: name, autocomplete: 'off', spellcheck: 'false',
    value: () => list()[index]?.[name] ?? '',
    oninput: (/** @type {any} */ event) => form.edit((body) => {
      if (event.target.value === '' && name !== 'UserID') delete body[member][index][name];
      else body[member][index][name] = event.target.value;
    }),
  });
  const append = () => form.edit((body) => (body[member] = [...(body[member] ?? []), { UserID: '' }]));
  const add = h('button', { type: 'button', onclick: append }, t('explorer.add_account'));
  return h('fieldset', { class: 'plain' }, h('legend', {}, label),
    each(() => [...list().keys()], (index) => index, (index) => h('div', { class: 'account-row' },
      part(index, 'UserID'), part(index, 'Nick'), part(index, 'FaceUrl'),
      removeButton(() => form.edit((body) => body[member].splice(index, 1)), t('explorer.remove_account', { n: index + 1 }), add))),
    h('div', { class: 'row' }, add, accountCounter(() => list().length)));
}
