// What an entry of the audit log did, in words.

import { t } from '../../i18n/language.js';

/** Every operation that is noted: method and path, `_` for a part of it, and the key of its words. @type {[string, string][]} */
export const OPERATIONS = [
  ['POST /apps', 'audit.did.createApp'],
  ['PATCH /apps/_', 'audit.did.changeApp'],
  ['DELETE /apps/_', 'audit.did.deleteApp'],
  ['POST /check-changes', 'audit.did.checkChanges'],
  ['POST /apps/_/keys', 'audit.did.addKey'],
  ['DELETE /apps/_/keys/_', 'audit.did.revokeKey'],
  ['PUT /apps/_/admins/_', 'audit.did.addAdmin'],
  ['DELETE /apps/_/admins/_', 'audit.did.removeAdmin'],
  ['PUT /apps/_/fields/_', 'audit.did.defineField'],
  ['DELETE /apps/_/fields/_', 'audit.did.retireField'],
  ['PUT /apps/_/words', 'audit.did.setWords'],
  ['PATCH /apps/_/words', 'audit.did.setWords'],
  ['POST /apps/_/words/test', 'audit.did.testWords'],
  ['PUT /apps/_/accounts/_', 'users.history.created'],
  ['DELETE /apps/_/accounts/_', 'users.history.deleted'],
  ['PATCH /apps/_/accounts/_/profile', 'users.history.set'],
  ['POST /apps/_/export-ticket', 'audit.did.export'],
  ['POST /apps/_/import', 'audit.did.import'],
  ['PUT /apps/_/webhook', 'audit.did.setWebhook'],
  ['DELETE /apps/_/webhook', 'audit.did.removeWebhook'],
  ['POST /apps/_/webhook/replay', 'audit.did.replay'],
  ['POST /apps/_/webhook/drop', 'audit.did.drop'],
  ['POST /apps/_/webhook/test', 'audit.did.sample'],
  ['POST /apps/_/try', 'audit.did.try'],
  ['POST /apps/_/usersig', 'audit.did.makeSig'],
  ['POST /apps/_/usersig/check', 'audit.did.checkSig'],
  ['PATCH /log', 'audit.did.log'],
  ['POST /backup', 'audit.did.backup'],
  ['POST /tokens', 'audit.did.createToken'],
  ['DELETE /tokens/_', 'audit.did.revokeToken'],
  ['POST /session', 'audit.did.signIn'],
  ['DELETE /session', 'audit.did.signOut'],
  ['POST /login-link', 'audit.did.link'],
];

const PATTERNS = OPERATIONS.map(([operation, key]) => ({ pattern: new RegExp(`^${operation.replaceAll('_', '([^/]+)')}$`), key }));

/**
 * The words of an entry; empty for an operation of a later release.
 * @param {{ method: string, resource: string }} entry
 */
export function words({ method, resource }) {
  for (const { pattern, key } of PATTERNS) {
    const found = pattern.exec(`${method} ${resource}`);
    if (found) return t(/** @type {any} */ (key), { name: decoded(found.at(-1) ?? '') });
  }
  return '';
}

/** @param {string} part of a path */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
