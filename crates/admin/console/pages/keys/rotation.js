// Replacing a key without a refused call, step by step. The number of keys tells which step it is.

import { address } from '../../app.js';
import { needs } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { checkField } from '../../ui/field.js';
import { t } from '../../i18n/language.js';

/** @param {{ keys: () => import('./actions.js').Key[], actions: import('./actions.js').KeyActions }} card */
export function rotationCard({ keys, actions }) {
  const moved = signal(false);
  const step = () => (keys().length < 2 ? 1 : moved.value ? 3 : 2);
  /** @param {number} number @param {string} title @param {string} text @param {import('../../ui/dom.js').Child} action */
  const item = (number, title, text, action) =>
    h('li', { 'aria-current': () => (step() === number ? 'step' : null) }, h('b', {}, title), h('p', { class: 'small' }, text), action);
  const revoke = async () => {
    const [oldest] = keys();
    await actions.revoke(oldest);
    if (!keys().some(({ id }) => id === oldest.id)) moved.value = false;
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('keys.rotate'))),
    h('div', { class: 'body' }, h('ol', { class: 'steps' },
      item(1, t('keys.step.add'), t('keys.step.add.about'),
        h('button', needs('admin', {
          class: () => (step() === 1 ? 'primary' : null), onclick: actions.add, disabled: () => step() !== 1,
        }), t('keys.add'))),
      item(2, t('keys.step.move'), t('keys.step.move.about'),
        h('div', { class: 'row' },
          () => checkField(t('keys.step.moved'), moved, { disabled: keys().length < 2 }),
          h('a', { href: address('usersig') }, t('keys.step.check')))),
      item(3, t('keys.step.revoke'), t('keys.step.revoke.about'),
        h('button', needs('admin', { class: 'danger', onclick: revoke, disabled: () => step() !== 3 }),
          () => (keys().length > 1 ? t('keys.step.revoke.action', keys()[0]) : t('keys.revoke.open')))))));
}
