// Sends a call by way of the server, which signs it and tells how its answer ended. A browser's own request would hide that:
// browsers repeat a POST whose connection was closed.

import * as api from '../../api.js';
import { confirm } from '../../ui/dialog.js';
import { stringify, tryParse } from '../../ui/json.js';
import { isDev, may, reference } from '../../state.js';
import { t } from '../../i18n/language.js';
import { HISTORY_MAX, answerTab, given, identifier, sending, sentCalls, usersig } from './state.js';

const READING = ['portrait_get', 'account_check'];
const RECORDS_READ = 50;
let count = 0;

/** Whether a command changes something. @param {string} command */
export const writes = (command) => !READING.includes(command);

/** The least role that may send a command. @param {string} command */
export const roleFor = (command) => (writes(command) ? 'operator' : 'viewer');

/** Asks before a change on a server that is not an emulator. @param {string} what @returns {Promise<boolean>} */
export async function mayChange(what) {
  if (isDev()) return true;
  const title = t('explorer.prod.title', { what });
  return confirm({ title, text: t('explorer.prod.text'), action: t('explorer.prod.agree'), danger: false });
}

/** @param {import('./state.js').Draft} draft */
export async function send(draft) {
  const path = reference.peek()?.commands.find(({ name }) => name === draft.command)?.path;
  if (sending.peek() || !path || !may(roleFor(draft.command)) || (writes(draft.command) && !(await mayChange(draft.command)))) return;
  sending.value = true;
  // Wherever one was: what became of the call is what one wants to see.
  answerTab.value = 'answer';
  count += 1;
  /** @type {import('./state.js').Sent} */
  const sent = {
    number: count, at: new Date(), app: draft.app, command: draft.command, text: draft.text.peek(),
    identifier: identifier.peek(), usersig: usersig.peek(), given: given.peek(), code: null,
  };
  try {
    const choice = usersig.peek();
    const sig = choice === 'given' ? { given: sent.given.trim() } : choice;
    sent.tried = await api.tryCall(draft.app, { path, identifier: sent.identifier, usersig: sig, body: sent.text });
    if (sent.tried.outcome === 'answered') sent.code = tryParse(sent.tried.body)?.ErrorCode ?? null;
    if (sent.code === null && isDev()) sent.call = await recordOf(sent).catch(() => undefined);
  } catch (error) {
    sent.error = error;
  }
  draft.sent.value = sent;
  sentCalls.value = [sent, ...sentCalls.peek()].slice(0, HISTORY_MAX);
  sending.value = false;
}

/** The value of a header of the answer. @param {import('./state.js').Sent} sent @param {string} name */
export function header(sent, name) {
  return sent.tried?.headers.find((/** @type {[string, string]} */ [one]) => one.toLowerCase() === name)?.[1] ?? null;
}

/**
 * The emulator's record of a call: by the request's id, and where no answer brought one, the newest with the same content.
 * @param {import('./state.js').Sent} sent
 */
async function recordOf(sent) {
  const id = header(sent, 'x-request-id');
  const body = stringify(tryParse(sent.text) ?? null);
  const records = await api.requests({ app: sent.app, command: sent.command, limit: RECORDS_READ });
  return records.reverse().find((/** @type {RecordedCall} */ record) =>
    id ? record.request_id === id : record.identifier === sent.identifier && stringify(record.body) === body);
}
