// The form of a body: it reads the JSON text and rewrites it, so that form and text are always the same call. The
// parts of a form are below.

import { currentApp, fieldsOf } from '../../state.js';
import { computed, each, effect, h } from '../../ui/dom.js';
import { checkField, textField } from '../../ui/field.js';
import { tryParse } from '../../ui/json.js';
import { t } from '../../i18n/language.js';
import { FORMS, USER_ID_BYTES_MAX, bytesOf, edit, formProblem, hasType, typedOf, valueOf } from './forms.js';
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

// The parts of the forms that are about fields: tags with values, and lists of tags.

const fields = () => fieldsOf(currentApp());
const fieldOf = (/** @type {string} */ tag) => fields().find((field) => field.tag === tag);

/** The end of a tag, and what it means. @param {{ tag: string, title: string, custom: boolean }} field */
function shortName({ tag, title, custom }) {
  return custom ? tag.replace('Tag_Profile_', '') : `${tag.replace('Tag_Profile_IM_', '')} · ${title.split(/[;；,，]/)[0]}`;
}

/** @param {Form} form @param {string} label @param {string} member */
function profileItems(form, label, member) {
  const list = () => form.body.value?.[member] ?? [];
  const free = () => fields().find(({ tag }) => !list().some((/** @type {any} */ item) => item.Tag === tag)) ?? fields()[0];
  const add = h('button', {
    type: 'button',
    onclick: () => form.edit((body) => {
      const field = free();
      const first = valueOf(field.values[0] ?? '0', field.type);
      body[member] = [...(body[member] ?? []), { Tag: field.tag, Value: first === '0' ? '' : first }];
    }),
  }, t('explorer.add_field'));
  return h('fieldset', { class: 'plain' }, h('legend', {}, label),
    each(() => [...list().keys()], (index) => index, (index) => itemRow(form, member, index, add)),
    h('div', { class: 'row' }, add));
}

/** @param {Form} form @param {string} member @param {number} index @param {HTMLElement} add */
function itemRow(form, member, index, add) {
  const item = () => form.body.value?.[member]?.[index] ?? {};
  const tag = computed(() => item().Tag ?? '');
  const type = () => fieldOf(tag.value)?.type ?? '';
  const change = (/** @type {(item: any) => void} */ how) => form.edit((body) => how(body[member][index]));
  const choose = h('select', {
    'aria-label': t('explorer.field_n', { n: index + 1 }),
    onchange: () => change((changed) => {
      changed.Tag = choose.value;
      changed.Value = valueOf(typedOf(changed.Value), fieldOf(choose.value)?.type ?? 'string');
    }),
  }, () => tagOptions(tag.value));
  return h('div', { class: 'item-row' },
    choose,
    // One element for each kind of field: typing a value does not rebuild it.
    h('div', {}, () => valueInput(item, tag.value, (typed) => change((changed) => (changed.Value = valueOf(typed, type()))))),
    removeButton(() => form.edit((body) => body[member].splice(index, 1)), () => t('explorer.remove_field', { tag: tag.value }), add),
    h('div', { class: 'hint' }, () => hint(item, tag.value)));
}

/** @param {string} chosen */
function tagOptions(chosen) {
  const all = fields();
  const unknown = all.some(({ tag }) => tag === chosen) ? [] : [h('option', { value: chosen, selected: true }, chosen)];
  return [...unknown, ...all.map((field) => h('option', { value: field.tag, selected: field.tag === chosen }, shortName(field)))];
}

/** @param {() => any} item @param {string} tag @param {(typed: string) => void} write */
function valueInput(item, tag, write) {
  const field = fieldOf(tag);
  const typed = computed(() => typedOf(item().Value));
  const label = t('explorer.value_of', { tag });
  const onchange = (/** @type {any} */ event) => write(event.target.value);
  if (field && field.values.length > 0) {
    return h('select', { 'aria-label': label, onchange }, () =>
      [...new Set([...field.values, typed.value])].map((one) => h('option', { value: one, selected: one === typed.value }, one)));
  }
  const inputmode = field && !hasType('', field.type) ? 'numeric' : null;
  const value = () => typed.value;
  return h('input', { 'aria-label': label, value, oninput: onchange, inputmode, autocomplete: 'off', spellcheck: 'false' });
}

/** What the field wants, and whether the value is that. @param {() => any} item @param {string} tag */
function hint(item, tag) {
  const field = fieldOf(tag);
  if (!field) return h('span', { class: 'invalid' }, t('explorer.no_field'));
  const { type, bytes_max, values } = field;
  const wanted = hasType('', type) ? 'explorer.want_text' : 'explorer.want_number';
  return [
    h('span', { class: 'soft small' }, h('code', {}, tag), ` · ${type} `),
    bytes_max !== null && h('span', {}, '· ', byteCounter(() => typedOf(item().Value), bytes_max)),
    () => !hasType(item().Value, type) && h('div', { class: 'invalid' }, t(wanted, { type })),
    () => values.length > 0 && !values.includes(item().Value) && h('div', { class: 'invalid' }, t('explorer.want_value')),
  ];
}

/** @param {Form} form @param {string} label @param {string} member */
function tagList(form, label, member) {
  const chosen = () => form.body.value?.[member] ?? [];
  const unknown = () => chosen().filter((/** @type {string} */ tag) => !fieldOf(tag));
  const set = (/** @type {string[]} */ tags) => form.edit((body) => (body[member] = tags));
  const box = (/** @type {string} */ tag, /** @type {string} */ text) => checkField(text, {
    get value() { return chosen().includes(tag); },
    set value(wanted) { set(wanted ? [...chosen(), tag] : chosen().filter((/** @type {string} */ one) => one !== tag)); },
  }, { title: tag });
  const unknownRow = (/** @type {string} */ tag) =>
    h('div', { class: 'row' }, box(tag, tag), h('span', { class: 'invalid' }, t('explorer.no_field')));
  return h('fieldset', { class: 'plain' }, h('legend', {}, label),
    h('div', { class: 'tag-boxes' }, () => fields().map((field) => box(field.tag, shortName(field)))),
    h('div', {}, each(unknown, (tag) => tag, unknownRow)),
    h('div', { class: 'row' },
      h('button', { type: 'button', onclick: () => set(fields().map(({ tag }) => tag)) }, t('explorer.all_tags')),
      h('button', { type: 'button', onclick: () => set([]) }, t('explorer.no_tags'))));
}

// Parts that the forms of every kind of body share.

/** The size of a text, and its limit. @param {() => string} read @param {number} max */
function byteCounter(read, max) {
  const size = computed(() => bytesOf(read()));
  return h('span', { class: () => (size.value > max ? 'invalid' : 'soft small') }, () => t('explorer.bytes', { n: size.value, max }));
}

/**
 * A button that removes a row; the focus goes on to another button.
 * @param {() => void} remove @param {string | (() => string)} label @param {HTMLElement} next
 */
function removeButton(remove, label, next) {
  const onclick = () => {
    remove();
    next.focus();
  };
  return h('button', { type: 'button', class: 'plain', 'aria-label': label, title: label, onclick }, '✕');
}
