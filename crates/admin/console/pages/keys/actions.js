// Adding and revoking a key.

import * as api from '../../api.js';
import { appChanged } from '../../state.js';
import { h, signal } from '../../ui/dom.js';
import { confirm, showOnce } from '../../ui/dialog.js';
import { failure } from '../../ui/load.js';
import { toast } from '../../ui/toast.js';
import { t } from '../../i18n/language.js';

/** @typedef {{ id: number, last4: string }} Key */
/** @typedef {{ add: () => Promise<void>, revoke: (key: Key) => Promise<void>, problem: import('../../ui/dom.js').Child }} KeyActions */

/** @param {number} app @returns {KeyActions} */
export function keyActions(app) {
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
      const { id, key } = await api.addKey(app);
      // First of all: no later answer has the secret.
      await showOnce({ title: t('keys.added', { id }), text: t('keys.once'), secret: key });
      appChanged(await api.showApp(app));
    }),
    revoke: ({ id, last4 }) => guarded(async () => {
      const [title, text] = [t('keys.revoke.title', { id, last4 }), t('keys.revoke.about')];
      if (!(await confirm({ title, text, action: t('keys.revoke'), type: String(id) }))) return;
      appChanged(await api.revokeKey(app, id));
      toast(t('keys.revoked', { id }));
    }),
  };
}
