// What the explorer holds while the tab is open: the call that is being written for each command, what became of the last
// one, and the calls before.

import { address } from '../../app.js';
import { stringify } from '../../ui/json.js';
import { signal } from '../../ui/dom.js';
import { appNumber } from '../../state.js';
import { examplesOf } from './examples.js';

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

export const HISTORY_MAX = 50;
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

/** A body as a text. @param {any} body */
export function bodyText(body) {
  return typeof body === 'string' ? body : stringify(body);
}

/**
 * Opens a call in the explorer, for the app that is looked at.
 * @param {string} commandName @param {string} [text] the body @param {string} [caller]
 */
export function openInExplorer(commandName, text, caller) {
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
