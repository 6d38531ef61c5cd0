// The app's keys, with which UserSigs are signed, and its App admins, who may make every call.

import { currentApp } from '../state.js';
import { h } from '../ui/dom.js';
import { t } from '../i18n/language.js';
import { adminsCard } from './keys/admins.js';
import { keyActions } from './keys/actions.js';
import { keysCard } from './keys/list.js';
import { rotationCard } from './keys/rotation.js';
import { keyUses } from './keys/uses.js';

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
