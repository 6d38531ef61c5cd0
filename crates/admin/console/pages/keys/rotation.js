// Replacing a key without a refused call, step by step: add another one, move the callers, revoke the one that is replaced.
// Which one that is, the user says: proposed is the oldest.

import { address } from '../../app.js';
import { needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { checkField, selectField } from '../../ui/field.js';
import { t } from '../../i18n/language.js';
import { oldestFirst } from './oldest.js';

/** @param {{ keys: () => import('./uses.js').Key[], uses: import('./uses.js').KeyUses, actions: import('./actions.js').KeyActions }} card */
export function rotationCard({ keys, uses, actions }) {
  const moved = signal(false);
  /** The number of the key that was chosen; empty for the one that is proposed. */
  const chosen = signal('');
  const candidates = () => oldestFirst(keys(), uses.at);
  const replaced = () => keys().find(({ id }) => String(id) === chosen.value) ?? candidates()[0];
  const step = () => (keys().length < 2 ? 1 : moved.value ? 3 : 2);
  /** @param {number} number @param {string} title @param {string} text @param {import('../../ui/dom.js').Child} action */
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
      item(1, t('keys.step.add'), t('keys.step.add.about'),
        h('button', needs('admin', { class: () => (step() === 1 ? 'primary' : null), onclick: actions.add }), t('keys.add.open'))),
      item(2, t('keys.step.move'), t('keys.step.move.about'),
        h('div', { class: 'stack' },
          () => keys().length > 1 && h('div', {},
            selectField(t('keys.step.which'), chosen, () => candidates().map(({ id, last4 }) => [String(id), t('keys.choice', { id, last4 })])),
            h('p', { class: 'small soft', role: 'status' }, `${t('keys.used')}: `, () => replaced() && uses.shown(replaced()))),
          h('div', { class: 'row' },
            () => checkField(t('keys.step.moved'), moved, { disabled: keys().length < 2 }),
            h('a', { href: address('usersig') }, t('keys.step.check'))))),
      item(3, t('keys.step.revoke'), t('keys.step.revoke.about'),
        h('button', needs('admin', { class: 'danger', onclick: revoke, disabled: () => step() !== 3 }),
          () => (keys().length > 1 ? t('keys.step.revoke.action', replaced()) : t('keys.revoke.open')))))));
}
