// The list of accounts, page by page, searched by the start of the id and by the nickname.

import * as api from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { failure } from '../../ui/load.js';
import { table } from '../../ui/table.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';

const PAGE = 100;
/** How long the search waits for the next key. */
const TYPING_MS = 200;
const NICK = 'Tag_Profile_IM_Nick';

/** What the list shows of a profile. @typedef {{ nick: string, fields: number } | 'damaged'} Summary */
/** @typedef {{ user: string, profile: { value: Summary } }} Row */

/** @param {{ app: number, chosen: { value: string | null } }} list */
export function userList({ app, chosen }) {
  const [prefix, nick] = [signal(''), signal('')];
  const rows = signal(/** @type {Row[]} */ ([]));
  const next = signal(/** @type {string | null} */ (null));
  const busy = signal(true);
  const problem = signal(/** @type {unknown} */ (undefined));
  let asked = 0;
  let typing = 0;

  const load = async (/** @type {boolean} */ more) => {
    const mine = (asked += 1);
    busy.value = true;
    try {
      const page = await api.accounts(app, {
        prefix: prefix.peek(), nick: nick.peek(), profile: true, after: more ? next.peek() : null, limit: PAGE,
      });
      if (mine !== asked) return;
      const added = page.accounts.map((/** @type {string} */ user) => ({ user, profile: signal(summary(page.profiles?.[user])) }));
      rows.value = more ? [...rows.peek(), ...added] : added;
      next.value = page.next;
      problem.value = undefined;
    } catch (error) {
      if (mine === asked) problem.value = error;
    } finally {
      if (mine === asked) busy.value = false;
    }
  };
  /** @param {{ value: string }} searched @param {'users.search' | 'users.search.nick'} label @param {Record<string, string>} [more] */
  const search = (searched, label, more) => h('input', {
    type: 'search', placeholder: t(label), 'aria-label': t(label), autocomplete: 'off', spellcheck: 'false', ...more,
    oninput: (/** @type {any} */ event) => {
      searched.value = event.target.value;
      clearTimeout(typing);
      typing = setTimeout(() => load(false), TYPING_MS);
    },
  });
  void load(false);

  const empty = () => {
    if (busy.value) return t('loading');
    if (nick.value !== '') return t('users.none.nick');
    if (prefix.value !== '') return [t('users.none.found'), ' ', h('code', {}, visible(prefix.value))];
    return [t('users.none'), ' ', h('code', {}, `portraitd import ${app} FILE`)];
  };
  const node = h('div', { class: 'card users-list' },
    h('header', {},
      search(prefix, 'users.search', { 'data-filter': '' }), search(nick, 'users.search.nick')),
    () => problem.value !== undefined && failure(problem.value, () => load(false)),
    table({
      label: t('page.users'),
      rows: () => rows.value,
      keyOf: ({ user }) => user,
      chosen,
      columns: [
        { title: 'UserID', cell: ({ user }) => h('code', {}, visible(user)) },
        { title: t('users.nick'), cell: ({ profile }) => () => nickCell(profile.value) },
        { title: t('users.fields'), number: true, cell: ({ profile }) => () => fieldsCell(profile.value) },
      ],
      empty: () => empty,
    }),
    h('div', { class: 'body row', role: 'status' },
      () => rows.value.length > 0 && h('span', { class: 'soft small grow' },
        t(next.value === null ? 'users.shown.all' : 'users.shown', { n: rows.value.length })),
      () => next.value !== null && h('button', { onclick: () => busy.peek() || load(true), 'aria-disabled': () => String(busy.value) },
        t(nick.value === '' ? 'users.more' : 'users.nick.more', { n: PAGE }))));

  return {
    node,
    reload: () => load(false),
    /** Shows what a change made of a user. @param {Schema<'AccountView'>} account */
    change({ user, profile }) {
      const row = rows.peek().find((one) => one.user === user);
      if (row) row.profile.value = summary(profile);
    },
    remove(/** @type {string} */ user) {
      rows.value = rows.peek().filter((row) => row.user !== user);
    },
  };
}

/** @param {Record<string, any> | undefined} profile none when it can't be read @returns {Summary} */
function summary(profile) {
  return profile === undefined ? 'damaged' : { nick: String(profile[NICK] ?? ''), fields: Object.keys(profile).length };
}

/** @param {Summary} profile */
function nickCell(profile) {
  return profile === 'damaged' ? h('span', { class: 'badge bad' }, t('users.damaged')) : h('span', { class: 'cut' }, visible(profile.nick));
}

/** @param {Summary} profile */
function fieldsCell(profile) {
  return profile === 'damaged' ? '' : profile.fields;
}
