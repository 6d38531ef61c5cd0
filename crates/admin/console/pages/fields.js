// The fields of a profile: the standard ones, which are fixed, and the app's own.

import * as api from '../api.js';
import { appChanged, currentApp, reference } from '../state.js';
import { copyButton } from '../ui/clipboard.js';
import { h, signal } from '../ui/dom.js';
import { confirm, open } from '../ui/dialog.js';
import { jsonBlock } from '../ui/code.js';
import { stringify } from '../ui/json.js';
import { failure } from '../ui/load.js';
import { table } from '../ui/table.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';
import { defineField } from './fields/define.js';

const EVERYONE = ['app', 'admin'];
/**
 * @typedef {{ tag: string, title: string, type: string, limit: string, values: string[], read: string[], write: string[], custom: any }} Row
 * `custom`: the field's definition; null for a standard field
 */

/** @param {{ app: number }} page */
export default function ({ app }) {
  const problem = signal(/** @type {unknown} */ (undefined));
  const custom = () => currentApp()?.fields ?? [];
  const inUse = () => custom().filter((/** @type {any} */ field) => !field.retired).length;

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
  const edit = async (/** @type {any} */ field) => {
    const changed = await defineField(app, field);
    if (!changed) return;
    appChanged(changed);
    problem.value = undefined;
    toast(t('fields.saved'));
  };
  const retire = async (/** @type {any} */ { keyword }) => {
    const question = { title: t('fields.retire.title', { keyword }), text: t('fields.retire.about'), action: t('fields.retire') };
    if (await confirm(question)) await apply(() => api.retireField(app, keyword), t('fields.retired.done'));
  };
  const restore = (/** @type {any} */ { keyword, type, read, write }) =>
    apply(() => api.defineField(app, keyword, { type, read, write }), t('fields.restored'));

  const actions = (/** @type {Row} */ row) => h('div', { class: 'row' },
    !row.custom?.retired && h('button', { onclick: () => snippet(row), 'aria-label': t('fields.snippet.of', { name: row.tag }) }, t('fields.snippet')),
    row.custom && !row.custom.retired && [
      h('button', { onclick: () => edit(row.custom), 'aria-label': t('fields.edit.of', { name: row.tag }) }, t('fields.edit')),
      h('button', { class: 'danger', onclick: () => retire(row.custom), 'aria-label': t('fields.retire.of', { name: row.tag }) }, t('fields.retire')),
    ],
    row.custom?.retired && h('button', { onclick: () => restore(row.custom), 'aria-label': t('fields.restore.of', { name: row.tag }) }, t('fields.restore')));

  return h('div', {},
    h('div', { class: 'head' },
      h('div', {}, h('h1', {}, t('page.fields')), h('p', { class: 'soft' }, t('fields.about'))),
      h('span', { class: 'soft' }, () => t('fields.count', { n: inUse(), max: currentApp()?.custom_fields_max })),
      h('button', { class: 'primary', onclick: () => edit(null) }, t('fields.define'))),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'card' },
      table({
        label: t('page.fields'),
        rows,
        keyOf: ({ tag }) => tag,
        columns: [
          { title: t('fields.tag'), cell: (row) => [h('code', {}, row.tag.split(/(?<=_)/).map((part) => [part, h('wbr')])), h('div', { class: 'soft small' }, row.custom?.retired ? h('span', { class: 'badge warn' }, t('fields.retired')) : row.title)] },
          { title: t('fields.type'), cell: ({ type, limit }) => [h('code', {}, type), h('div', { class: 'soft small' }, limit)] },
          { title: t('fields.read'), cell: ({ read }) => holders(read), narrow: true },
          { title: t('fields.write'), cell: ({ write }) => holders(write), narrow: true },
          { title: t('fields.actions'), cell: actions },
        ],
        empty: () => t('loading'),
      })));
}

/** @returns {Row[]} */
function rows() {
  const app = currentApp();
  const standard = (reference.value?.fields ?? []).map((/** @type {any} */ field) => ({
    tag: field.tag,
    title: field.title,
    type: field.type,
    limit: field.values.length > 0 ? field.values.join(', ') : limit(field.tag === 'Tag_Profile_IM_Location' ? app?.location_bytes_max : field.bytes_max),
    values: field.values,
    read: EVERYONE,
    write: field.user_may_write ? EVERYONE : ['admin'],
    custom: null,
  }));
  const own = (app?.fields ?? []).map((/** @type {any} */ field) => ({
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
  return bytes === null || bytes === undefined ? '' : t('fields.bytes', { bytes });
}

/** @param {string[]} names */
function holders(names) {
  if (names.length === 0) return h('span', { class: 'soft' }, t('fields.nobody'));
  return h('div', { class: 'row' }, names.map((name) => h('span', { class: 'badge' }, t(name === 'app' ? 'fields.users' : 'fields.admins'))));
}

/** Shows the body of a call that sets the field. @param {Row} row */
function snippet({ tag, type, values }) {
  const value = type.startsWith('uint') ? 1 : (values[0] ?? 'text');
  const body = stringify({ From_Account: 'alice', ProfileItem: [{ Tag: tag, Value: value }] });
  return open((close) => h('div', {},
    h('h2', {}, 'portrait_set'),
    h('p', { class: 'soft' }, t('fields.snippet.about')),
    jsonBlock(body),
    h('div', { class: 'row' }, copyButton(() => tag, t('fields.copy.tag')), h('span', { class: 'grow' }), h('button', { class: 'primary', onclick: close }, t('fields.close')))));
}
