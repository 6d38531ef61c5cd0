// The accounts of the app: a list with a search by prefix, and the profile of the one that is chosen.

import * as api from '../api.js';
import { keepAddress } from '../app.js';
import { needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { confirm } from '../ui/dialog.js';
import { count } from '../ui/numbers.js';
import { t } from '../i18n/language.js';
import { createUser } from './users/create.js';
import { drawer } from './users/drawer.js';
import { userList } from './users/list.js';

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
