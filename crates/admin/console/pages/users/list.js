// The list of accounts, page by page. The API's list has ids only; the profiles of a page come after it, from the export.

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
/** @typedef {{ user: string, profile: { value: Summary | undefined } }} Row */

/** @param {{ app: number, chosen: { value: string | null } }} list */
export function userList({ app, chosen }) {
  const prefix = signal('');
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
      const page = await api.accounts(app, { prefix: prefix.peek(), after: more ? next.peek() : null, limit: PAGE });
      if (mine !== asked) return;
      const added = page.accounts.map((/** @type {string} */ user) => ({ user, profile: signal(undefined) }));
      rows.value = more ? [...rows.peek(), ...added] : added;
      next.value = page.next;
      problem.value = undefined;
      // A column stays empty when this fails; opening the user tells why.
      void loadProfiles(app, added).catch(() => {});
    } catch (error) {
      if (mine === asked) problem.value = error;
    } finally {
      if (mine === asked) busy.value = false;
    }
  };
  const search = (/** @type {any} */ event) => {
    prefix.value = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(() => load(false), TYPING_MS);
  };
  void load(false);

  const empty = () => {
    if (busy.value) return t('loading');
    if (prefix.value !== '') return [t('users.none.found'), ' ', h('code', {}, visible(prefix.value))];
    return [t('users.none'), ' ', h('code', {}, `portraitd import ${app} FILE`)];
  };
  const node = h('div', { class: 'card users-list' },
    h('header', {},
      h('input', {
        type: 'search', 'data-filter': '', oninput: search, placeholder: t('users.search'), 'aria-label': t('users.search'),
        autocomplete: 'off', spellcheck: 'false',
      })),
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
      () => next.value !== null && h('button', { onclick: () => load(true), disabled: () => busy.value }, t('users.more', { n: PAGE }))));

  return {
    node,
    reload: () => load(false),
    /** Shows what a change made of a user. @param {any} account */
    change({ user, profile }) {
      const row = rows.peek().find((one) => one.user === user);
      if (row) row.profile.value = { nick: String(profile[NICK] ?? ''), fields: Object.keys(profile).length };
    },
    remove(/** @type {string} */ user) {
      rows.value = rows.peek().filter((row) => row.user !== user);
    },
  };
}

/**
 * Loads the profiles of rows that follow each other. Ids are in the same order in both lists, so the rows after the first are
 * the export's page after it.
 * @param {number} app @param {Row[]} rows
 */
async function loadProfiles(app, rows) {
  if (rows.length === 0) return;
  const byUser = new Map(rows.map((row) => [row.user, row.profile]));
  const first = rows[0].user;
  const take = async (/** @type {Record<string, any>} */ filter) => {
    const { accounts, damaged } = await api.exportAccounts(app, filter);
    for (const { UserID, ProfileItem } of accounts) {
      const nick = ProfileItem.find((/** @type {any} */ item) => item.Tag === NICK)?.Value ?? '';
      const profile = byUser.get(UserID);
      if (profile) profile.value = { nick: String(nick), fields: ProfileItem.length };
    }
    for (const user of damaged) {
      const profile = byUser.get(user);
      if (profile) profile.value = 'damaged';
    }
  };
  await Promise.all([take({ user: first }), rows.length > 1 && take({ after: first, limit: rows.length - 1 })]);
}

/** @param {Summary | undefined} profile */
function nickCell(profile) {
  if (profile === undefined) return h('span', { class: 'soft' }, '…');
  return profile === 'damaged' ? h('span', { class: 'badge bad' }, t('users.damaged')) : h('span', { class: 'cut' }, visible(profile.nick));
}

/** @param {Summary | undefined} profile */
function fieldsCell(profile) {
  return profile === undefined || profile === 'damaged' ? '' : profile.fields;
}
