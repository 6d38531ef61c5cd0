// The accounts of the app: a list with a search by prefix, and the profile of the one that is chosen.

import * as api from '../api.js';
import { address, keepAddress } from '../app.js';
import { isDev, needs } from '../state.js';
import { calls } from '../stream.js';
import { codeBadge, save } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { onCtrlEnter, tabs, textField } from '../ui/field.js';
import { clockTime, count, visible } from '../ui/format.js';
import { stringify } from '../ui/json.js';
import { attempt, confirm, copyButton, failure, open, toast } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';
import { userList } from './users/list.js';
import { historyTab, profileTab } from './users/profile.js';

/** @param {{ app: number, rest: string }} page */
export default function ({ app, rest }) {
  const user = signal(rest === '' ? null : rest);
  /** How many fields of the open profile are changed and not saved. */
  const unsaved = signal(0);
  const total = signal(/** @type {number | null} */ (null));
  const loadTotal = () => api.usage(app).then(({ accounts }) => (total.value = accounts), () => {});
  void loadTotal();

  const choose = async (/** @type {string | null} */ next) => {
    if (next === user.peek()) return;
    if (unsaved.peek() > 0 && !(await confirm({ title: t('users.leave', { n: unsaved.peek() }), action: t('users.leave.action') }))) return;
    unsaved.value = 0;
    user.value = next;
    keepAddress('users', next ?? undefined);
    // On a phone the profile is below the list.
    if (next === null || !matchMedia('(max-width: 900px)').matches) return;
    requestAnimationFrame(() => document.querySelector('.users-drawer')?.scrollIntoView());
  };
  const chosen = {
    get value() {
      return user.value;
    },
    set value(next) {
      void choose(next);
    },
  };

  const list = userList({ app, chosen });
  const create = async () => {
    const made = await createUser(app);
    if (!made) return;
    await list.reload();
    void loadTotal();
    await choose(made.user);
  };
  const deleted = (/** @type {string} */ gone) => {
    list.remove(gone);
    void loadTotal();
    unsaved.value = 0;
    void choose(null);
  };

  return h('div', {},
    h('div', { class: 'head' },
      h('div', {},
        h('h1', {}, t('page.users'), ' ', () => total.value !== null && h('span', { class: 'badge' }, count(total.value))),
        h('p', { class: 'soft' }, t('users.about'))),
      h('button', needs('operator', { class: 'primary', onclick: create }), t('users.create'))),
    h('div', { class: 'split' },
      list.node,
      () => user.value === null
        ? h('div', { class: 'card hide-narrow' }, h('div', { class: 'empty' }, t('users.choose')))
        : drawer({ app, user: user.value, unsaved, close: () => choose(null), changed: list.change, deleted })));
}

// One user: the profile, who changed it, the calls about it, and what can't be undone.

/**
 * @param {{
 *   app: number, user: string, unsaved: { value: number }, close: () => void,
 *   changed: (account: Schema<'AccountView'>) => void, deleted: (user: string) => void,
 * }} drawer
 */
function drawer({ app, user, unsaved, close, changed, deleted }) {
  // Made once, so that going to another tab and back keeps what was typed.
  const profile = profileTab({ app, user, unsaved, changed });
  const { list, panel } = tabs(t('user'), signal('profile'), [
    { id: 'profile', title: () => t('users.tab.profile'), content: () => profile },
    { id: 'history', title: () => t('users.tab.history'), content: () => historyTab({ app, user }) },
    ...(isDev() ? [{ id: 'calls', title: () => t('users.tab.calls'), content: () => callsTab({ app, user }) }] : []),
    { id: 'danger', title: () => t('users.tab.danger'), content: () => dangerTab({ app, user, deleted }) },
  ]);
  return h('section', { class: 'card users-drawer', 'aria-label': t('user') },
    h('header', {},
      h('h2', { class: 'grow mono' }, visible(user)),
      copyButton(() => user),
      h('button', { class: 'plain', 'aria-label': t('users.close'), onclick: close }, '✕')),
    h('div', { class: 'body stack' }, list, panel));
}

// The dialog that creates a user.

/** Returns the account; nothing when the dialog was closed. @param {number} app @returns {Promise<any>} */
async function createUser(app) {
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
        h('button', { class: 'primary' }, t('create'))));
  });
  return made;
}

// The calls of the live stream that a user made, or that name it.

const SHOWN_MAX = 100;

/** @param {{ app: number, user: string }} tab */
function callsTab({ app, user }) {
  const concerns = (/** @type {RecordedCall} */ call) => call.app === app && (call.identifier === user || call.users.includes(user));
  const found = () => calls.value.filter(concerns).slice(0, SHOWN_MAX);
  return table({
    label: t('users.tab.calls'),
    rows: found,
    keyOf: ({ request_id }) => request_id,
    columns: [
      { title: t('when'), cell: ({ at_ms }) => clockTime(at_ms) },
      {
        title: t('users.calls.command'),
        cell: ({ request_id, command, path }) =>
          h('a', { href: `${address('calls')}?id=${encodeURIComponent(request_id)}` }, command ?? path),
      },
      { title: t('code'), cell: ({ code }) => codeBadge(code) },
    ],
    empty: () => [t('users.calls.none'), ' ', h('a', { href: address('explorer', 'portrait_get') }, 'portrait_get')],
  });
}

// Taking a user's data along, and deleting it.

/** @param {{ app: number, user: string, deleted: (user: string) => void }} tab */
function dangerTab({ app, user, deleted }) {
  const problem = signal(/** @type {unknown} */ (undefined));
  const download = () => attempt(async () => {
    const { accounts } = await api.exportAccounts(app, { user });
    // One line, as `portraitd import` reads it. Line breaks inside of values are escaped, so every other can go.
    const line = `${stringify(accounts[0]).replace(/\n */g, '')}\n`;
    save(`${app}-${user.replace(/[^\p{L}\p{N}-]+/gu, '_')}.jsonl`, new Blob([line], { type: 'application/jsonl' }));
  });
  const remove = async () => {
    const text = h('div', { class: 'stack' },
      h('p', {}, t('users.delete.about')),
      h('div', { class: 'row' }, h('code', { class: 'grow' }, visible(user)), copyButton(() => user)));
    if (!(await confirm({ title: t('users.delete.title'), text, action: t('users.delete'), type: user }))) return;
    try {
      await api.deleteAccount(app, user);
      toast(t('users.delete.done'));
      deleted(user);
    } catch (error) {
      problem.value = error;
    }
  };
  return h('div', { class: 'stack' },
    h('div', {}, h('h3', {}, t('export_user')), h('p', { class: 'soft small' }, t('users.export.about'))),
    h('div', { class: 'row' }, h('button', needs('operator', { onclick: download }), t('users.export.action'))),
    h('div', {}, h('h3', {}, t('users.delete')), h('p', { class: 'soft small' }, t('users.delete.about'))),
    () => problem.value !== undefined && failure(problem.value),
    h('div', { class: 'row' }, h('button', needs('operator', { class: 'danger', onclick: remove }), t('users.delete.open'))));
}
