// The fields of a profile: the standard ones, which are fixed, and the app's own.

import * as api from '../api.js';
import { appChanged, currentApp, fieldsOf, needs } from '../state.js';
import { breakable, jsonBlock } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { checkField, onCtrlEnter, selectField, textField } from '../ui/field.js';
import { stringify } from '../ui/json.js';
import { confirm, copyButton, failure, open, toast } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';

const EVERYONE = ['app', 'admin'];
/**
 * @typedef {{
 *   tag: string, title: string, type: string, limit: string, values: string[], read: string[], write: string[], custom: Schema<'FieldView'> | null,
 * }} Row `custom`: the field's definition; null for a standard field
 */

/** @param {{ app: number }} page */
export default function ({ app }) {
  const problem = signal(/** @type {unknown} */ (undefined));
  const custom = () => currentApp()?.fields ?? [];
  const inUse = () => custom().filter((field) => !field.retired).length;

  /** @param {() => Promise<any>} change @param {string} done */
  const apply = async (change, done) => {
    try {
      appChanged(await change());
      problem.value = undefined;
      toast(done);
    } catch (error) {
      problem.value = error;
    }
  };
  const edit = async (/** @type {Schema<'FieldView'> | null} */ field) => {
    const changed = await defineField(app, field);
    if (!changed) return;
    appChanged(changed);
    problem.value = undefined;
    toast(t('fields.saved'));
  };
  const retire = async (/** @type {Schema<'FieldView'>} */ { keyword }) => {
    const question = { title: t('fields.retire.title', { keyword }), text: t('fields.retire.about'), action: t('fields.retire') };
    if (await confirm(question)) await apply(() => api.retireField(app, keyword), t('fields.retired.done'));
  };
  const restore = (/** @type {Schema<'FieldView'>} */ { keyword, type, read, write }) =>
    apply(() => api.defineField(app, keyword, { type, read, write }), t('fields.restored'));

  const actions = (/** @type {Row} */ row) => {
    const { tag: name, custom: field } = row;
    const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ onclick,
      /** @type {import('../state.js').Role} */ role = 'admin', class_ = '') =>
      h('button', needs(role, { class: class_, 'aria-label': label, onclick }), text);
    return h('div', { class: 'row' },
      !field?.retired && button(t('fields.snippet'), t('fields.snippet.of', { name }), () => snippet(row), 'viewer'),
      field && !field.retired && [
        button(t('fields.edit'), t('fields.edit.of', { name }), () => edit(field)),
        button(t('fields.retire'), t('fields.retire.of', { name }), () => retire(field), 'admin', 'danger'),
      ],
      field?.retired && button(t('restore'), t('fields.restore.of', { name }), () => restore(field)));
  };

  return h('div', {},
    h('div', { class: 'head' },
      h('div', {}, h('h1', {}, t('page.fields')), h('p', { class: 'soft' }, t('fields.about'))),
      h('span', { class: 'soft' }, () => t('fields.count', { n: inUse(), max: currentApp()?.custom_fields_max })),
      h('button', needs('admin', { class: 'primary', onclick: () => edit(null) }), t('fields.define'))),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'card' },
      table({
        label: t('page.fields'),
        rows,
        keyOf: ({ tag }) => tag,
        columns: [
          { title: t('fields.tag'), cell: name },
          { title: t('fields.type'), cell: ({ type, limit }) => [h('code', {}, type), h('div', { class: 'soft small' }, breakable(limit))] },
          { title: t('fields.read'), cell: ({ read }) => holders(read), narrow: true },
          { title: t('fields.write'), cell: ({ write }) => holders(write), narrow: true },
          { title: t('actions'), cell: actions },
        ],
        empty: () => t('loading'),
      })));
}

/** @returns {Row[]} */
function rows() {
  const app = currentApp();
  const standard = fieldsOf(app).filter(({ custom }) => !custom).map((field) => ({
    tag: field.tag,
    title: field.title,
    type: field.type,
    limit: field.values.length > 0 ? field.values.join(', ') : limit(field.bytes_max),
    values: field.values,
    read: EVERYONE,
    write: field.user_may_write ? EVERYONE : ['admin'],
    custom: null,
  }));
  const own = (app?.fields ?? []).map((field) => ({
    tag: `Tag_Profile_Custom_${field.keyword}`,
    title: t('fields.custom'),
    type: field.type,
    limit: limit(field.type === 'uint64' ? null : 500),
    values: [],
    read: field.read,
    write: field.write,
    custom: field,
  }));
  return [...own, ...standard];
}

/** @param {number | null} bytes */
function limit(bytes) {
  return bytes === null ? '' : t('fields.bytes', { bytes });
}

/** @param {Row} row */
function name({ tag, title, custom }) {
  return [
    h('code', {}, breakable(tag)),
    h('div', { class: 'soft small' }, custom?.retired ? h('span', { class: 'badge warn' }, t('fields.retired')) : title),
  ];
}

/** @param {string[]} names */
function holders(names) {
  if (names.length === 0) return h('span', { class: 'soft' }, t('fields.nobody'));
  const badge = (/** @type {string} */ holder) => h('span', { class: 'badge' }, t(holder === 'app' ? 'fields.users' : 'admins'));
  return h('div', { class: 'row' }, names.map(badge));
}

/** Shows the body of a call that sets the field. @param {Row} row */
function snippet({ tag, type, values }) {
  const value = type.startsWith('uint') ? 1 : (values[0] ?? 'text');
  const body = stringify({ From_Account: 'alice', ProfileItem: [{ Tag: tag, Value: value }] });
  return open((close) => h('div', {},
    h('h2', {}, 'portrait_set'),
    h('p', { class: 'soft' }, t('fields.snippet.about')),
    jsonBlock(body),
    h('div', { class: 'row' },
      copyButton(() => tag, t('fields.copy.tag')),
      h('span', { class: 'grow' }),
      h('button', { class: 'primary', onclick: close }, t('fields.close')))));
}

// The dialog that defines a custom field, or changes one.

const TYPES = ['string', 'bytes', 'uint64'];

/**
 * Returns the app with the field; nothing when the dialog was closed.
 * @param {number} app @param {Schema<'FieldView'> | null} field the field to change; null for a new one
 * @returns {Promise<any>}
 */
async function defineField(app, field) {
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
      checkField(t('admins'), boxes[what].admin));
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
        h('button', { class: 'primary', disabled: () => busy.value }, t('save'))));
  });
  return changed;
}
