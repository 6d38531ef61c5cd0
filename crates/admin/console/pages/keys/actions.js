// Adding and revoking a key. Both are asked for first: a key that is added can sign at once, one that is revoked never again.

import * as api from '../../api.js';
import { appChanged } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { confirm, showOnce } from '../../ui/dialog.js';
import { failure } from '../../ui/load.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/language.js';

/** @typedef {import('./uses.js').Key} Key */
/** @typedef {{ add: () => Promise<void>, revoke: (key: Key) => Promise<void>, problem: import('../../ui/dom.js').Child }} KeyActions */

/** @param {number} app @param {import('./uses.js').KeyUses} uses @returns {KeyActions} */
export function keyActions(app, uses) {
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
      const text = [h('p', {}, t('keys.revoke.about')), h('p', {}, `${t('keys.used')}: `, uses.shown(key))];
      if (!(await confirm({ title: t('keys.revoke.title', { id, last4 }), text, action: t('keys.revoke'), type: String(id) }))) return;
      appChanged(await api.revokeKey(app, id));
      toast(t('keys.revoked', { id }));
    }),
  };
}
