// When a key or a token was last used. The server remembers it while it runs: "not since then" is not "never".

import { h } from './dom.js';
import { time, timeText } from './time.js';
import { t } from '../i18n/language.js';

/**
 * @param {number | null | undefined} last @param {number | null | undefined} since when the server began to note uses
 * @param {number | null} created when it was made, if that is known; all three in Unix milliseconds
 */
export function lastUse(last, since, created) {
  if (last !== null && last !== undefined) return time(last);
  if (since === null || since === undefined) return null;
  return h('span', { class: 'soft' }, created !== null && created >= since ? t('use.never') : t('use.notSince', { since: timeText(since) }));
}
