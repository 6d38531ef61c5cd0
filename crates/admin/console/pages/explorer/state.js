// What the explorer holds while the tab is open: the call that is being written for each command, what became of the last
// one, and the calls before. A call is sent from here.

import * as api from '../../api.js';
import { address } from '../../app.js';
import { appNumber, isDev, may, reference } from '../../state.js';
import { calls, isLost } from '../../stream.js';
import { effect, signal } from '../../ui/dom.js';
import { bodyText, stringify, tryParse } from '../../ui/json.js';
import { confirm } from '../../ui/page.js';
import { t } from '../../i18n/language.js';
import { examplesOf } from './forms.js';

/**
 * A call that was sent. `tried` is what the server tells of it, `error` why it was not sent, `call` the emulator's record of
 * it where the answer does not tell what happened. One of the live list has `isRecorded`: `tried` is made of its record.
 * @typedef {object} Sent
 * @property {number} number
 * @property {Date} at
 * @property {number} app
 * @property {string} command
 * @property {string} identifier
 * @property {typeof USERSIGS[number][0] | 'recorded'} usersig
 * @property {string} given
 * @property {string} text
 * @property {Schema<'TriedCall'>} [tried]
 * @property {number | null} code the answer's; null when there is none to be read
 * @property {RecordedCall} [call]
 * @property {boolean} [isRecorded]
 * @property {unknown} [error]
 */

/**
 * @template T
 * @typedef {{ value: T, peek: () => T }} Signal
 */
/** A call of which the server tells. @typedef {Sent & { tried: Schema<'TriedCall'> }} Tried */
/** @typedef {{ app: number, command: string, text: Signal<string>, sent: Signal<Sent | null> }} Draft */

const HISTORY_MAX = 50;
/** How the UserSig of a call can be, with the code that it gives; `given` is a text of the user's. */
export const USERSIGS = /** @type {const} */ ([
  ['valid', 0], ['expired', 70001], ['wrong_key', 70009], ['none', 60025], ['other_user', 70013], ['given', 0],
]);

export const command = signal('portrait_set');
export const identifier = signal('administrator');
export const usersig = signal(/** @type {typeof USERSIGS[number][0]} */ ('valid'));
export const given = signal('');
/** The tab of the body: `form` or `json`. */
export const bodyTab = signal('form');
/** The tab of the answer: `answer`, `headers`, `request` or `code`. */
export const answerTab = signal('answer');
export const sending = signal(false);
/** The last calls, newest first. @type {{ value: Sent[], peek: () => Sent[] }} */
export const sentCalls = signal([]);

/** @type {Map<string, Draft>} */
const drafts = new Map();

/** The call of a command that is being written for an app. @param {number} app @param {string} name @returns {Draft} */
export function draftOf(app, name) {
  const key = `${app} ${name}`;
  const example = examplesOf(name)[0];
  const draft = drafts.get(key) ?? { app, command: name, text: signal(bodyText(example?.body ?? {})), sent: signal(null) };
  drafts.set(key, draft);
  return draft;
}

/**
 * Opens a call in the explorer, for the app that is looked at.
 * @param {string} commandName @param {string} [text] the body @param {string} [caller]
 */
function openInExplorer(commandName, text, caller) {
  fill(draftOf(appNumber.peek(), commandName), text, caller);
  location.hash = address('explorer', commandName);
}

/**
 * Puts a body and a caller in a draft, ready to be sent.
 * @param {Draft} draft @param {string | null} [text] @param {string | null} [caller]
 */
export function fill(draft, text, caller) {
  if (text !== undefined && text !== null) {
    draft.text.value = text;
    draft.sent.value = null;
  }
  if (!caller) return;
  identifier.value = caller;
  draft.sent.value = null;
}

/** Shows a call of the history again, as it was sent and answered. @param {Sent} sent */
export function recall(sent) {
  const draft = draftOf(sent.app, sent.command);
  draft.text.value = sent.text;
  draft.sent.value = sent;
  [identifier.value, usersig.value, given.value] = [sent.identifier, /** @type {typeof usersig.value} */ (sent.usersig), sent.given];
  location.hash = address('explorer', sent.command);
}

// Sends a call by way of the server, which signs it and tells how its answer ended. A browser's own request would hide that:
// browsers repeat a POST whose connection was closed.

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

/** @param {Draft} draft */
export async function send(draft) {
  const path = reference.peek()?.commands.find(({ name }) => name === draft.command)?.path;
  if (sending.peek() || !path || !may(roleFor(draft.command)) || (writes(draft.command) && !(await mayChange(draft.command)))) return;
  sending.value = true;
  // Wherever one was: what became of the call is what one wants to see.
  answerTab.value = 'answer';
  count += 1;
  /** @type {Sent} */
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

/** The value of a header of the answer. @param {Sent} sent @param {string} name */
export function header(sent, name) {
  return sent.tried?.headers.find((/** @type {[string, string]} */ [one]) => one.toLowerCase() === name)?.[1] ?? null;
}

/**
 * The emulator's record of a call: by the request's id, and where no answer brought one, the newest with the same content.
 * @param {Sent} sent
 */
async function recordOf(sent) {
  const id = header(sent, 'x-request-id');
  const body = stringify(tryParse(sent.text) ?? null);
  const records = await api.requests({ app: sent.app, command: sent.command, limit: RECORDS_READ });
  return records.reverse().find((/** @type {RecordedCall} */ record) =>
    id ? record.request_id === id : record.identifier === sent.identifier && stringify(record.body) === body);
}

// A call of the live list in the explorer: what became of it, as after a call that was sent from here.

/**
 * Shows what became of a recorded call. In a new tab the live stream brings it a little later.
 * @param {Draft} draft @param {string} id of its request
 */
export function showRecorded(draft, id) {
  let waiting = true;
  effect(() => {
    const call = calls.value.find(({ request_id }) => request_id === id);
    if (!call || !waiting) return;
    waiting = false;
    // A call that was sent meanwhile is newer.
    if (draft.sent.peek() !== null) return;
    answerTab.value = 'answer';
    draft.sent.value = sentOf(call);
  });
}

/** @param {any} call @returns {Sent} */
function sentOf(call) {
  const { at_ms, app, command, identifier, body, answer, code, detail, micros } = call;
  const lost = isLost(call);
  const text = (/** @type {any} */ one) => (one === null ? '' : bodyText(one));
  return {
    number: 0, at: new Date(at_ms), app, command, identifier: identifier ?? '', usersig: 'recorded', given: '', text: text(body),
    tried: {
      outcome: lost ? 'closed' : 'answered', status: null, headers: [], request: '', body: lost ? '' : text(answer), detail, micros,
    },
    code: lost ? null : code, call, isRecorded: true,
  };
}
