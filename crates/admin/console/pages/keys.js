// The app's keys, with which UserSigs are signed, and its App admins, who may make every call.

import * as api from '../api.js';
import { address } from '../app.js';
import { appChanged, currentApp, needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { checkField, selectField, textField } from '../ui/field.js';
import { lastUse, time, visible } from '../ui/format.js';
import { confirm, failure, showOnce, toast } from '../ui/page.js';
import { table } from '../ui/table.js';
import { t } from '../i18n/language.js';
import { oldestFirst } from './keys/oldest.js';

/** @param {{ app: number }} page */
export default function ({ app }) {
  const uses = keyUses(app);
  const actions = keyActions(app, uses);
  const keys = () => currentApp()?.keys ?? [];
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.keys')), h('p', { class: 'soft' }, t('keys.about')))),
    uses.problem,
    actions.problem,
    h('div', { class: 'split' },
      h('div', {}, keysCard({ keys, uses, actions }), rotationCard({ keys, uses, actions })),
      adminsCard(app)));
}

// The keys that are in use, without their secrets.

/** @param {{ keys: () => Key[], uses: KeyUses, actions: KeyActions }} card */
function keysCard({ keys, uses, actions }) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', { class: 'grow' }, t('keys.keys')), h('button', { onclick: uses.look }, t('keys.look'))),
    table({
      label: t('keys.keys'),
      rows: keys,
      keyOf: ({ id }) => id,
      columns: [
        { title: t('keys.number'), cell: ({ id }) => h('b', {}, id) },
        { title: t('keys.secret'), narrow: true, cell: ({ last4 }) => h('code', {}, `••••••••${last4}`) },
        {
          title: t('keys.created'),
          narrow: true,
          cell: ({ created_ms: at }) => (at === null ? h('span', { class: 'soft' }, t('keys.created.unknown')) : time(at)),
        },
        { title: t('used'), cell: (key) => () => uses.shown(key) },
        {
          title: t('actions'),
          cell: (key) => h('button', needs('admin', {
            class: 'danger', onclick: () => actions.revoke(key), disabled: () => keys().length === 1,
            'aria-label': t('keys.revoke.of', { id: key.id }),
          }), t('keys.revoke.open')),
        },
      ],
      empty: () => t('keys.none'),
    }),
    h('div', { class: 'body small soft' }, () => t(keys().length === 1 ? 'keys.last' : 'keys.oldest')));
}

// Replacing a key without a refused call, step by step: add another one, move the callers, revoke the one that is replaced.
// Which one that is, the user says: proposed is the oldest.

/** @param {{ keys: () => Key[], uses: KeyUses, actions: KeyActions }} card */
function rotationCard({ keys, uses, actions }) {
  const moved = signal(false);
  /** The number of the key that was chosen; empty for the one that is proposed. */
  const chosen = signal('');
  const candidates = () => oldestFirst(keys(), uses.at);
  const replaced = () => keys().find(({ id }) => String(id) === chosen.value) ?? candidates()[0];
  const step = () => (keys().length < 2 ? 1 : moved.value ? 3 : 2);
  /** @param {number} number @param {string} title @param {string} text @param {import('../ui/dom.js').Child} action */
  const item = (number, title, text, action) =>
    h('li', { 'aria-current': () => (step() === number ? 'step' : null) }, h('b', {}, title), h('p', { class: 'small' }, text), action);
  const revoke = async () => {
    const { id } = replaced();
    await actions.revoke(replaced());
    if (!keys().some((key) => key.id === id)) [moved.value, chosen.value] = [false, ''];
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('keys.rotate'))),
    h('div', { class: 'body' }, h('ol', { class: 'steps' },
      item(1, t('keys.add'), t('keys.step.add.about'),
        h('button', needs('admin', { class: () => (step() === 1 ? 'primary' : null), onclick: actions.add }), t('keys.add.open'))),
      item(2, t('keys.step.move'), t('keys.step.move.about'),
        h('div', { class: 'stack' },
          () => keys().length > 1 && h('div', {},
            selectField(t('keys.step.which'), chosen, () => candidates().map(({ id, last4 }) => [String(id), t('keys.choice', { id, last4 })])),
            h('p', { class: 'small soft', role: 'status' }, `${t('used')}: `, () => replaced() && uses.shown(replaced()))),
          h('div', { class: 'row' },
            () => checkField(t('keys.step.moved'), moved, { disabled: keys().length < 2 }),
            h('a', { href: address('usersig') }, t('keys.step.check'))))),
      item(3, t('keys.step.revoke'), t('keys.step.revoke.about'),
        h('button', needs('admin', { class: 'danger', onclick: revoke, disabled: () => step() !== 3 }),
          () => (keys().length > 1 ? t('keys.step.revoke.action', replaced()) : t('keys.revoke.open')))))));
}

// When each key was last used, as far as the server remembers.

/** @typedef {{ id: number, last4: string, created_ms: number | null }} Key */
/**
 * @typedef {{ look: () => Promise<void>, at: (key: Key) => number | null, shown: (key: Key) => import('../ui/dom.js').Child,
 *   problem: import('../ui/dom.js').Child }} KeyUses `look` asks the server again
 */

/** @param {number} app @returns {KeyUses} */
function keyUses(app) {
  const usage = signal(/** @type {{ since_ms: number | null, keys: { id: number, last_used_ms: number | null }[] } | null} */ (null));
  const problem = signal(/** @type {unknown} */ (undefined));
  const look = async () => {
    try {
      usage.value = await api.usage(app);
      problem.value = undefined;
    } catch (error) {
      problem.value = error;
    }
  };
  const at = (/** @type {Key} */ { id }) => usage.value?.keys.find((known) => known.id === id)?.last_used_ms ?? null;
  void look();
  return {
    look,
    at,
    shown: (key) => lastUse(at(key), usage.value?.since_ms, key.created_ms),
    problem: () => problem.value !== undefined && failure(problem.value, look),
  };
}

// Adding and revoking a key. Both are asked for first: a key that is added can sign at once, one that is revoked never again.

/** @typedef {{ add: () => Promise<void>, revoke: (key: Key) => Promise<void>, problem: import('../ui/dom.js').Child }} KeyActions */

/** @param {number} app @param {KeyUses} uses @returns {KeyActions} */
function keyActions(app, uses) {
  const problem = signal(/** @type {unknown} */ (undefined));
  /** @param {() => Promise<void>} run */
  const guarded = async (run) => {
    problem.value = undefined;
    try {
      await run();
    } catch (error) {
      problem.value = error;
    }
  };
  return {
    problem: () => problem.value !== undefined && failure(problem.value),
    add: () => guarded(async () => {
      if (!(await confirm({ title: t('keys.add.title'), text: t('keys.add.about'), action: t('keys.add'), danger: false }))) return;
      const { id, key } = await api.addKey(app);
      // First of all: no later answer has the secret.
      await showOnce({ title: t('keys.added', { id }), text: t('keys.once'), secret: key });
      appChanged(await api.showApp(app));
      await uses.look();
    }),
    revoke: (key) => guarded(async () => {
      await uses.look();
      const { id, last4 } = key;
      const text = [h('p', {}, t('keys.revoke.about')), h('p', {}, `${t('used')}: `, uses.shown(key))];
      if (!(await confirm({ title: t('keys.revoke.title', { id, last4 }), text, action: t('revoke'), type: String(id) }))) return;
      appChanged(await api.revokeKey(app, id));
      toast(t('keys.revoked', { id }));
    }),
  };
}

// The users whose UserSig may make every call of the app.

/** @param {number} app */
function adminsCard(app) {
  const name = signal('');
  const problem = signal(/** @type {unknown} */ (undefined));
  /** @param {() => Promise<any>} change @param {string} done */
  const apply = async (change, done) => {
    problem.value = undefined;
    try {
      appChanged(await change());
      toast(done);
      return true;
    } catch (error) {
      problem.value = error;
      return false;
    }
  };
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await apply(async () => api.addAdmin(app, name.peek()), t('keys.admin.added'))) name.value = '';
  };
  const remove = async (/** @type {string} */ user) => {
    const text = [h('p', {}, h('code', {}, visible(user))), h('p', {}, t('keys.admin.remove.about'))];
    if (!(await confirm({ title: t('keys.admin.remove.title'), text, action: t('remove') }))) return;
    await apply(async () => api.removeAdmin(app, user), t('keys.admin.removed'));
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('admins'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft small' }, t('keys.admins.about')),
      () => problem.value !== undefined && failure(problem.value),
      h('form', { class: 'row keys-add', onsubmit: add },
        h('div', { class: 'grow' }, textField('UserID', name, { required: true, name: 'admin' })),
        h('button', needs('admin', { class: 'primary' }), t('keys.admin.add')))),
    table({
      label: t('admins'),
      rows: () => currentApp()?.admins ?? [],
      keyOf: (user) => user,
      columns: [
        { title: 'UserID', cell: (user) => h('a', { href: address('users', user) }, h('code', {}, visible(user))) },
        {
          title: t('actions'),
          cell: (user) => h('button', needs('admin', {
            class: 'danger', onclick: () => remove(user), 'aria-label': t('keys.admin.remove.of', { user }),
          }), t('keys.admin.remove.open')),
        },
      ],
      empty: () => t('keys.admins.none'),
    }));
}
