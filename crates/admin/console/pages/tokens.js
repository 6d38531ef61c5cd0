// Tokens of the admin API: made, shown once, revoked.

import * as api from '../api.js';
import { ROLES, needs } from '../state.js';
import { h, signal } from '../ui/dom.js';
import { confirm, showOnce } from '../ui/dialog.js';
import { selectField, textField } from '../ui/field.js';
import { lastUse } from '../ui/last_use.js';
import { attempt, loaded } from '../ui/load.js';
import { table } from '../ui/table.js';
import { time } from '../ui/time.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';

export default function tokens() {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.tokens')), h('p', { class: 'soft' }, t('tokens.about')))),
    loaded(api.tokens, (list, reload) => h('div', {}, newToken(reload), tokenList(list, reload))));
}

/** @param {() => Promise<void>} reload */
function newToken(reload) {
  const name = signal('');
  /** The least: who wants more chooses it. */
  const role = signal('viewer');
  const create = (/** @type {Event} */ event) => {
    event.preventDefault();
    void attempt(async () => {
      const made = await api.createToken({ name: name.peek(), role: role.peek() });
      await reload();
      await showOnce({ title: t('tokens.made', { name: made.name }), text: t('tokens.once'), secret: made.token });
    });
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('tokens.new'))),
    h('form', { class: 'body row tokens-new', onsubmit: create },
      textField(t('tokens.name'), name, { required: true, maxlength: '64', pattern: '[A-Za-z0-9._\\-]+', title: t('tokens.nameRule') }),
      selectField(t('tokens.role'), role, () => ROLES.map((one) => [one, `${t(`role.${one}`)}: ${t(`role.may.${one}`)}`])),
      h('button', needs('admin', { class: 'primary' }), t('tokens.create'))));
}

/** @param {Schema<'TokenView'>[]} list @param {() => Promise<void>} reload */
function tokenList(list, reload) {
  const revoke = async (/** @type {string} */ name) => {
    const own = api.session.peek()?.who === name;
    const agreed = await confirm({
      title: t('tokens.revokeTitle', { name }),
      text: own ? t('tokens.revokeOwn') : t('tokens.revokeText'),
      action: t('tokens.revoke'),
    });
    if (agreed && (await attempt(() => api.revokeToken(name)))) {
      toast(t('tokens.revoked', { name }));
      await reload();
    }
  };
  return h('section', { class: 'card' }, table({
    label: t('page.tokens'),
    rows: () => list,
    keyOf: ({ name }) => name,
    columns: [
      { title: t('tokens.column.name'), cell: ({ name }) => h('code', {}, name) },
      { title: t('tokens.role'), cell: ({ role }) => roleBadge(/** @type {import('../state.js').Role} */ (role)) },
      {
        title: t('tokens.column.made'),
        narrow: true,
        cell: ({ created_ms: made }) => (made === null ? h('span', { class: 'soft' }, t('tokens.local')) : time(made)),
      },
      { title: t('tokens.column.used'), narrow: true, cell: ({ last_used_ms: last, since_ms: since, created_ms: made }) => lastUse(last, since, made) },
      {
        title: t('tokens.column.action'),
        cell: ({ name, created_ms: made }) => made !== null && h(
          'button',
          needs('admin', { class: 'danger', 'aria-label': `${t('tokens.revoke')} ${name}`, onclick: () => revoke(name) }),
          t('tokens.revoke'),
        ),
      },
    ],
    empty: () => h('code', {}, 'portraitd token create NAME'),
  }));
}

/** @param {import('../state.js').Role} role */
function roleBadge(role) {
  return h('span', { class: 'badge', title: t(`role.may.${role}`) }, t(`role.${role}`));
}
