// The buttons below a refused call that put it right and send it again.

import * as api from '../../api.js';
import { h } from '../../ui/dom.js';
import { attempt } from '../../ui/load.js';
import { appChanged, currentApp, needs } from '../../state.js';
import { t } from '../../i18n/language.js';
import { edit } from './forms.js';
import { mayChange, roleFor, send } from './send.js';
import { identifier, usersig } from './state.js';

const EVERYONE = ['app', 'admin'];

/** @param {import('./state.js').Draft} draft @param {import('./repairs.js').Repair[]} repairs */
export function repairButtons(draft, repairs) {
  return repairs.map((repair) => {
    const label = t(`explorer.repair.${repair.kind}`, repair.values);
    const role = repair.field ? 'admin' : repair.account === undefined ? roleFor(draft.command) : 'operator';
    return h('button', needs(role, { type: 'button', onclick: () => attempt(() => carryOut(draft, repair, label)) }), label);
  });
}

/** @param {import('./state.js').Draft} draft @param {import('./repairs.js').Repair} repair @param {string} label */
async function carryOut(draft, { kind, change, field, account }, label) {
  if ((field || account !== undefined) && !(await mayChange(label))) return;
  if (field) {
    await api.defineField(draft.app, field.keyword, { type: field.type, read: EVERYONE, write: EVERYONE });
    appChanged(await api.showApp(draft.app));
  }
  if (account !== undefined) await api.createAccount(draft.app, account);
  if (kind === 'usersig') usersig.value = 'valid';
  if (kind === 'caller') identifier.value = currentApp()?.admins[0] ?? '';
  if (change) edit(draft.text, change);
  await send(draft);
  // The button went with the answer that it belonged to.
  if (document.activeElement === document.body) document.getElementById('tab-answer')?.focus();
}
