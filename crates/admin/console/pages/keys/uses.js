// When each key was last used, as far as the server remembers.

import * as api from '../../api.js';
import { signal } from '../../ui/dom.js';
import { lastUse } from '../../ui/last_use.js';
import { failure } from '../../ui/load.js';

/** @typedef {{ id: number, last4: string, created_ms: number | null }} Key */
/**
 * @typedef {{ look: () => Promise<void>, at: (key: Key) => number | null, shown: (key: Key) => import('../../ui/dom.js').Child,
 *   problem: import('../../ui/dom.js').Child }} KeyUses `look` asks the server again
 */

/** @param {number} app @returns {KeyUses} */
export function keyUses(app) {
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
