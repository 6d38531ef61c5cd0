// The forms of the bodies: which members each command has, and how a form reads and writes them. Without the page.

import { parse, stringify, tryParse } from '../../ui/json.js';

/**
 * `text`: one text. `texts`: a list of them, one a line. `ids`: a list of objects with a UserID each. `items`: fields with
 * values. `tags`: a list of fields. `accounts`: a list of UserIDs with Nick and FaceUrl.
 * @typedef {{ member: string, kind: 'text' | 'texts' | 'ids' | 'items' | 'tags' | 'accounts', max?: number, optional?: boolean }} Member
 */

export const USER_ID_BYTES_MAX = 32;
const USER = { kind: /** @type {const} */ ('text'), max: USER_ID_BYTES_MAX };
/** @type {Record<string, Member[]>} */
export const FORMS = {
  portrait_set: [{ member: 'From_Account', ...USER }, { member: 'ProfileItem', kind: 'items' }],
  portrait_get: [{ member: 'To_Account', kind: 'texts' }, { member: 'TagList', kind: 'tags' }],
  account_import: [
    { member: 'UserID', ...USER },
    { member: 'Nick', kind: 'text', max: 500, optional: true },
    { member: 'FaceUrl', kind: 'text', max: 500, optional: true },
  ],
  multiaccount_import: [{ member: 'Accounts', kind: 'texts' }, { member: 'AccountList', kind: 'accounts' }],
  account_check: [{ member: 'CheckItem', kind: 'ids' }],
  account_delete: [{ member: 'DeleteItem', kind: 'ids' }],
  kick: [{ member: 'UserID', ...USER }],
};

const isText = (/** @type {any} */ value) => typeof value === 'string';
const isObject = (/** @type {any} */ value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isListOf = (/** @type {any} */ value, /** @type {(one: any) => boolean} */ check) => Array.isArray(value) && value.every(check);
const hasTextsOnly = (/** @type {any} */ value, /** @type {string[]} */ names) =>
  isObject(value) && Object.entries(value).every(([name, one]) => names.includes(name) && isText(one));
/** Whether a form can show a member's value as it is. @type {Record<Member['kind'], (value: any) => boolean>} */
const FITS = {
  text: isText,
  texts: (value) => isListOf(value, isText),
  tags: (value) => isListOf(value, isText),
  ids: (value) => isListOf(value, (one) => hasTextsOnly(one, ['UserID'])),
  items: (value) => isListOf(value, (one) => isObject(one) && isText(one.Tag)),
  accounts: (value) => isListOf(value, (one) => hasTextsOnly(one, ['UserID', 'Nick', 'FaceUrl'])),
};

/**
 * Why a form can't show a body; null when it can.
 * @param {string} command @param {string} text
 * @returns {{ reason: 'none' | 'json' | 'object' | 'member', member?: string } | null}
 */
export function formProblem(command, text) {
  const body = tryParse(text);
  if (!FORMS[command]) return { reason: 'none' };
  if (body === undefined) return { reason: 'json' };
  if (!isObject(body)) return { reason: 'object' };
  const unfit = FORMS[command].find(({ member, kind }) => member in body && !FITS[kind](body[member]));
  return unfit ? { reason: 'member', member: unfit.member } : null;
}

/**
 * Changes a body, and writes it as a text again.
 * @param {{ value: string, peek: () => string }} text @param {(body: any) => void} change
 */
export function edit(text, change) {
  const body = parse(text.peek());
  change(body);
  text.value = stringify(body);
}

const isNumeric = (/** @type {string} */ type) => type === 'uint32' || type === 'uint64';

/** What was typed, as a value of a field's type; a text where it is no number. @param {string} typed @param {string} type */
export function valueOf(typed, type) {
  const number = isNumeric(type) && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(typed) ? tryParse(typed) : undefined;
  return number ?? typed;
}

/** A value as it is typed. @param {any} value */
export function typedOf(value) {
  return isText(value) ? value : value === undefined ? '' : stringify(value);
}

/** Whether a value has the JSON type of its field. @param {any} value @param {string} type */
export function hasType(value, type) {
  return isNumeric(type) ? typeof value === 'number' || typeof value === 'bigint' : isText(value);
}

/** The size in UTF-8. @param {string} text */
export function bytesOf(text) {
  return new TextEncoder().encode(text).length;
}
