// A user's profile: the form with every field, and the history. What is typed is text; numbers are sent digit by digit as
// they were typed.

import * as api from '../../api.js';
import { currentApp, fieldsOf, needs } from '../../state.js';
import { diff } from '../../ui/code.js';
import { effect, h, signal } from '../../ui/dom.js';
import { onCtrlEnter } from '../../ui/field.js';
import { time } from '../../ui/format.js';
import { stringify } from '../../ui/json.js';
import { confirm, failure, loaded, sentence, toast } from '../../ui/page.js';
import { table } from '../../ui/table.js';
import { t } from '../../i18n/language.js';
import { words } from '../audit/words.js';

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
      title: t('users.save.title', { n: sent.length }), text: diff(before, after), action: t('save'), danger: false,
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

// One field of the form: its name, the input that its type asks for, and what is wrong with the value.

const utf8 = new TextEncoder();

/** @param {Entry} entry */
function fieldRow(entry) {
  const { field, initial, text, error } = entry;
  const id = `value-${field.tag}`;
  const name = field.tag.replace(/^Tag_Profile_(IM_)?/, '').replace('_', ' · ');
  const shared = {
    id,
    'aria-describedby': `note-${field.tag}`,
    'aria-invalid': () => (error.value === '' ? null : 'true'),
  };
  const typed = {
    ...shared,
    value: () => text.value,
    oninput: (/** @type {any} */ event) => {
      text.value = event.target.value;
      error.value = '';
    },
    autocomplete: 'off',
    spellcheck: 'false',
  };
  const undo = () => {
    text.value = initial;
    error.value = '';
    // The button goes, and the focus would go with it.
    document.getElementById(id)?.focus();
  };
  return h('div', { class: 'users-field' },
    h('label', { for: id },
      h('span', { class: 'mono', title: field.tag }, name),
      !field.custom && h('span', { class: 'soft small' }, field.title)),
    h('div', { class: () => (entry.isChanged() ? 'changed' : null) },
      control(),
      h('div', { class: 'row small', id: `note-${field.tag}` },
        h('span', { class: 'soft' }, field.type),
        field.bytes_max !== null && counter(text, field.bytes_max),
        () => entry.isChanged() && [
          h('b', {}, t('users.changed')),
          h('button', { type: 'button', class: 'plain', 'aria-label': t('users.undo', { name }), onclick: undo }, '↺'),
        ],
        () => error.value !== '' && h('span', { class: 'invalid', role: 'alert' }, error.value))));

  function control() {
    if (field.values.length > 0) {
      // A value can be replaced but not taken away, so "not set" is offered only where that is so.
      const values = ['', ...field.values].filter((value) => value !== '' || initial === '');
      return h('select', { ...shared, onchange: typed.oninput }, () =>
        values.map((value) => h('option', { value, selected: value === text.value }, value === '' ? t('users.unset') : value)));
    }
    if (field.type.startsWith('uint')) return h('input', { ...typed, inputmode: 'numeric' });
    // An input would lose line breaks.
    const lines = field.custom || field.tag === 'Tag_Profile_IM_SelfSignature' || /[\r\n]/.test(initial);
    return lines ? h('textarea', { ...typed, rows: '1' }) : h('input', typed);
  }
}

/** The bytes of a text beside the most that fit. @param {{ value: string }} text @param {number} max */
function counter(text, max) {
  return () => {
    const bytes = utf8.encode(text.value).length;
    return h('span', { class: bytes > max ? 'invalid' : 'soft' }, `${bytes} / ${max} B`);
  };
}

// The audit log's entries about one user. The log names users by a fingerprint, so that it holds no personal data; the server
// computes it.

const PAGE = 100;

/** @param {{ app: number, user: string }} tab */
export function historyTab({ app, user }) {
  const entries = signal(/** @type {Schema<'AuditEntryView'>[]} */ ([]));
  const next = signal(/** @type {number | null} */ (null));
  const read = signal(0);
  const busy = signal(true);
  const problem = signal(/** @type {unknown} */ (undefined));

  const search = async () => {
    busy.value = true;
    problem.value = undefined;
    try {
      const page = await api.audit({ app, user, before: next.peek(), limit: PAGE });
      entries.value = [...entries.peek(), ...page.entries];
      read.value += page.scanned;
      next.value = page.next ?? null;
    } catch (error) {
      problem.value = error;
    }
    busy.value = false;
  };
  void search();

  return h('div', { class: 'stack' },
    h('p', { class: 'soft small' }, t('users.history.about')),
    table({
      label: t('users.tab.history'),
      rows: () => entries.value,
      keyOf: ({ place }) => place,
      columns: [
        { title: t('users.history.who'), cell: whenAndWho },
        { title: t('what'), cell: what },
      ],
      empty: () => () => t(busy.value ? 'loading' : 'users.history.none'),
    }),
    () => problem.value !== undefined && failure(problem.value, search),
    h('div', { class: 'row' },
      h('span', { class: 'soft small grow', role: 'status' }, () => t('users.history.read', { n: read.value })),
      () => next.value !== null && h('button', { onclick: () => busy.peek() || search(), 'aria-disabled': () => String(busy.value) }, t('users.history.further'))));
}

/** @param {Schema<'AuditEntryView'>} entry */
function whenAndWho({ at_ms, who, from }) {
  return [time(at_ms), h('div', { class: 'soft small' }, h('code', {}, who), from && ` · ${from}`)];
}

/** What an entry did. @param {any} entry */
function what(entry) {
  const { outcome, after } = entry;
  const tags = after?.tags ?? [];
  return [
    outcome !== 'done' && h('span', { class: 'badge bad' }, outcome),
    ' ',
    words(entry),
    ' ',
    tags.map((/** @type {string} */ tag) => [h('code', {}, tag), ' ']),
  ];
}
