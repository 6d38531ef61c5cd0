// The parts of the forms that are about fields: tags with values, and lists of tags.

import { computed, each, h } from '../../ui/dom.js';
import { checkField } from '../../ui/field.js';
import { currentApp, fieldsOf } from '../../state.js';
import { t } from '../../i18n/language.js';
import { byteCounter, removeButton } from './form_parts.js';
import { hasType, typedOf, valueOf } from './forms.js';

/** @typedef {import('./form.js').Form} Form */
const fields = () => fieldsOf(currentApp());
const fieldOf = (/** @type {string} */ tag) => fields().find((field) => field.tag === tag);

/** The end of a tag, and what it means. @param {{ tag: string, title: string, custom: boolean }} field */
function shortName({ tag, title, custom }) {
  return custom ? tag.replace('Tag_Profile_', '') : `${tag.replace('Tag_Profile_IM_', '')} · ${title.split(/[;；,，]/)[0]}`;
}

/** @param {Form} form @param {string} label @param {string} member */
export function profileItems(form, label, member) {
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
export function tagList(form, label, member) {
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
