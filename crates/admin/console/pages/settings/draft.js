// What the form of the settings holds, and how it differs from what is stored.

import { signal } from '../../ui/dom.js';
import { stringify } from '../../ui/json.js';
import { t } from '../../i18n/language.js';

const SWITCHES = /** @type {const} */ (['enabled', 'self_service', 'echo_unknown', 'deletion_forbidden']);
/** The whole numbers, each with its least and its greatest value. @satisfies {Record<string, [number, number]>} */
const NUMBERS = {
  location_bytes_max: [1, 500],
  custom_fields_max: [0, 200],
  reimport_after: [0, 4294967295],
};
const LIMIT_MAX = 4294967295;
const NAME_BYTES_MAX = 100;

/**
 * @typedef {{ value: any, peek: () => any }} Value
 * @typedef {Record<string, Value> & { limits: Record<string, Value> }} Draft a signal for each setting
 */

/** @param {Schema<'AppView'>} stored @returns {Draft} */
export function draftOf(stored) {
  /** @type {any} */
  const draft = { limits: {} };
  for (const name of SWITCHES) draft[name] = signal(stored[name]);
  for (const name of Object.keys(NUMBERS)) draft[name] = signal(String(stored[/** @type {keyof typeof NUMBERS} */ (name)]));
  for (const [name, limit] of Object.entries(stored.limits)) draft.limits[name] = signal(String(limit));
  draft.name = signal(stored.name);
  draft.allow_ips = signal(stored.allow_ips.join('\n'));
  draft.error_detail = signal(String(stored.error_detail));
  draft.sensitive_code = signal(String(stored.sensitive_code));
  return draft;
}

/** The settings as the form has them. @param {Draft} draft */
function wanted(draft) {
  /** @type {any} */
  const all = {
    name: draft.name.value,
    allow_ips: draft.allow_ips.value.split(/[\s,]+/).filter((/** @type {string} */ one) => one !== ''),
    error_detail: JSON.parse(draft.error_detail.value),
    sensitive_code: Number(draft.sensitive_code.value),
    limits: Object.fromEntries(Object.entries(draft.limits).map(([name, limit]) => [name, Number(limit.value)])),
  };
  for (const name of SWITCHES) all[name] = draft[name].value;
  for (const name of Object.keys(NUMBERS)) all[name] = Number(draft[name].value);
  return all;
}

/** The members that differ, as a PATCH takes them. @param {Schema<'AppView'>} stored @param {Draft} draft */
export function changes(stored, draft) {
  const all = wanted(draft);
  const limits = Object.entries(all.limits).filter(([name, limit]) => limit !== stored.limits[name]);
  const members = Object.entries(all).filter(([name, value]) => name !== 'limits' && stringify(value) !== stringify(stored[/** @type {keyof typeof stored} */ (name)]));
  return Object.fromEntries(limits.length > 0 ? [...members, ['limits', Object.fromEntries(limits)]] : members);
}

/** What is wrong with the form, by member; a limit is `limits.NAME`. @param {Draft} draft @returns {Record<string, any>} */
export function problems(draft) {
  /** @type {Record<string, any>} */
  const found = {};
  const check = (/** @type {string} */ member, /** @type {string} */ text, /** @type {number} */ min, /** @type {number} */ max) => {
    if (!/^\d{1,10}$/.test(text) || Number(text) < min || Number(text) > max) found[member] = t('settings.number', { min, max });
  };
  for (const [name, [min, max]] of Object.entries(NUMBERS)) check(name, draft[name].value, min, max);
  for (const [name, limit] of Object.entries(draft.limits)) check(`limits.${name}`, limit.value, 0, LIMIT_MAX);
  const bytes = new TextEncoder().encode(draft.name.value).length;
  if (bytes > NAME_BYTES_MAX) found.name = t('settings.nameLong', { bytes, max: NAME_BYTES_MAX });
  return found;
}

/** The member that the server's sentence names. @param {string} message */
export function memberIn(message) {
  const members = [...Object.keys(NUMBERS), ...SWITCHES, 'allow_ips', 'error_detail', 'sensitive_code', 'name'];
  return members.find((member) => new RegExp(`\\b${member}\\b`).test(message)) ?? null;
}
