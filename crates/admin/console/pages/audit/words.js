// What an entry of the audit log did, in words.

import { t } from '../../i18n/language.js';

/** Every operation that is noted: method and path, `*` for a part of it, and the key of its words. @type {[string, string][]} */
export const OPERATIONS = [
  ['POST /apps', 'audit.did.createApp'],
  ['PATCH /apps/*', 'audit.did.changeApp'],
  ['POST /apps/*/keys', 'audit.did.addKey'],
  ['DELETE /apps/*/keys/*', 'audit.did.revokeKey'],
  ['PUT /apps/*/admins/*', 'audit.did.addAdmin'],
  ['DELETE /apps/*/admins/*', 'audit.did.removeAdmin'],
  ['PUT /apps/*/fields/*', 'audit.did.defineField'],
  ['DELETE /apps/*/fields/*', 'audit.did.retireField'],
  ['PUT /apps/*/words', 'audit.did.setWords'],
  ['POST /apps/*/words/test', 'audit.did.testWords'],
  ['PUT /apps/*/accounts/*', 'users.history.created'],
  ['DELETE /apps/*/accounts/*', 'users.history.deleted'],
  ['PATCH /apps/*/accounts/*/profile', 'users.history.set'],
  ['POST /apps/*/export-ticket', 'audit.did.export'],
  ['POST /apps/*/import', 'audit.did.import'],
  ['PUT /apps/*/webhook', 'audit.did.setWebhook'],
  ['DELETE /apps/*/webhook', 'audit.did.removeWebhook'],
  ['POST /apps/*/webhook/replay', 'audit.did.replay'],
  ['POST /apps/*/webhook/drop', 'audit.did.drop'],
  ['POST /apps/*/webhook/test', 'audit.did.sample'],
  ['POST /apps/*/try', 'audit.did.try'],
  ['POST /apps/*/usersig', 'audit.did.makeSig'],
  ['POST /apps/*/usersig/check', 'audit.did.checkSig'],
  ['POST /backup', 'audit.did.backup'],
  ['POST /tokens', 'audit.did.createToken'],
  ['DELETE /tokens/*', 'audit.did.revokeToken'],
  ['POST /session', 'audit.did.signIn'],
  ['DELETE /session', 'audit.did.signOut'],
  ['POST /login-link', 'audit.did.link'],
];

const PATTERNS = OPERATIONS.map(([operation, key]) => ({ pattern: new RegExp(`^${operation.replaceAll('*', '([^/]+)')}$`), key }));

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
