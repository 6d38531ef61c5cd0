// The form with every field of a profile. What is typed is text; numbers are sent digit by digit as they were typed.

import * as api from '../../api.js';
import { currentApp, fieldsOf, needs } from '../../state.js';
import { effect, h, signal } from '../../ui/dom.js';
import { confirm } from '../../ui/dialog.js';
import { diff } from '../../ui/diff.js';
import { stringify } from '../../ui/json.js';
import { onCtrlEnter } from '../../ui/keys.js';
import { failure, loaded, sentence } from '../../ui/load.js';
import { time } from '../../ui/time.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/language.js';
import { fieldRow } from './row.js';

/**
 * @typedef {{
 *   field: any, stored: any, initial: string, text: { value: string, peek: () => string },
 *   error: { value: string, peek: () => string }, isChanged: () => boolean,
 * }} Entry a field with its value as stored and as typed
 */

/** @param {{ app: number, user: string, unsaved: { value: number }, changed: (account: Schema<'AccountView'>) => void }} tab */
export function profileTab({ app, user, unsaved, changed }) {
  return loaded(() => api.account(app, user), (account) => {
    const shown = signal(account);
    const saved = (/** @type {Schema<'AccountView'>} */ next) => {
      shown.value = next;
      changed(next);
    };
    return () => form({ app, account: shown.value, unsaved, saved });
  });
}

/** @param {{ app: number, account: Schema<'AccountView'>, unsaved: { value: number }, saved: (account: Schema<'AccountView'>) => void }} form */
function form({ app, account, unsaved, saved }) {
  const { user, profile, kicked_at } = account;
  const fields = fieldsOf(currentApp());
  const entries = fields.map((field) => entryOf(field, profile[field.tag]));
  const changes = () => entries.filter((entry) => entry.isChanged());
  const others = Object.keys(profile).filter((tag) => !fields.some((field) => field.tag === tag));
  const problem = signal(/** @type {unknown} */ (undefined));
  effect(() => {
    unsaved.value = changes().length;
  });

  const save = async () => {
    const sent = changes();
    for (const entry of entries) entry.error.value = problemOf(entry);
    const wrong = sent.find((entry) => entry.error.peek() !== '');
    if (wrong) return focus(wrong);
    if (sent.length === 0) return;
    const before = Object.fromEntries(sent.filter(({ stored }) => stored !== undefined).map(({ field, stored }) => [field.tag, stored]));
    const after = Object.fromEntries(sent.map((entry) => [entry.field.tag, valueOf(entry)]));
    const agreed = await confirm({
      title: t('users.save.title', { n: sent.length }), text: diff(before, after), action: t('users.save.action'), danger: false,
    });
    if (!agreed) return;
    try {
      const next = await api.changeProfile(app, user, stringify(after));
      toast(t('users.saved'));
      const { id } = /** @type {HTMLElement} */ (document.activeElement);
      saved(next);
      // The form is rebuilt, and the focus would go with the old one.
      requestAnimationFrame(() => document.getElementById(id || 'tab-profile')?.focus());
    } catch (error) {
      // `item 2 (Tag_Profile_IM_Level): …`, `第 2 项（Tag_Profile_IM_Level）：…`: the sentence goes to the field that it names.
      const [start, tag] = /^[^()（）]*[(（](Tag_\w+)(?:\): |）：)/.exec(sentence(error)) ?? [];
      const entry = entries.find(({ field }) => field.tag === tag);
      problem.value = entry ? undefined : error;
      if (!entry) return;
      entry.error.value = sentence(error).slice(start?.length);
      focus(entry);
    }
  };
  const focus = (/** @type {Entry} */ { field }) => document.getElementById(`value-${field.tag}`)?.focus();

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void save();
  };
  return h('form', { class: 'users-form', onsubmit: submit, onkeydown: onCtrlEnter(save) },
    h('div', { class: 'row' },
      h('span', { class: 'soft small grow' }, kicked_at !== null && [t('users.kicked'), ' ', time(kicked_at * 1000)]),
      h('button', needs('operator', { class: 'primary', title: 'Ctrl+Enter', disabled: () => unsaved.value === 0 }),
        () => t('users.save', { n: unsaved.value }))),
    () => problem.value !== undefined && failure(problem.value),
    entries.map(fieldRow),
    others.length > 0 && [
      h('h3', {}, t('users.retired')),
      h('dl', { class: 'pairs small' }, others.map((tag) =>
        [h('dt', {}, h('code', {}, tag)), h('dd', {}, h('code', {}, stringify(profile[tag])))])),
    ]);
}

/** @param {any} field @param {any} stored @returns {Entry} */
function entryOf(field, stored) {
  const initial = stored === undefined ? '' : String(stored);
  const text = signal(initial);
  return { field, stored, initial, text, error: signal(''), isChanged: () => text.value !== initial };
}

/** @param {Entry} entry */
function valueOf({ field, text }) {
  return field.type.startsWith('uint') ? BigInt(text.peek()) : text.peek();
}

/** What keeps a value from being sent at all; sizes and ranges are the server's to judge. @param {Entry} entry */
function problemOf(entry) {
  if (!entry.isChanged() || !entry.field.type.startsWith('uint') || /^\d+$/.test(entry.text.peek())) return '';
  return t('users.number', { max: entry.field.type === 'uint32' ? '4294967295' : '18446744073709551615' });
}
