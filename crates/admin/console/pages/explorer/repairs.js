// What puts a refused call right in one click, found from its code, its reason and its body. Without the page.

import { stringify } from '../../ui/json.js';
import { hasType, typedOf, valueOf } from './forms.js';

/**
 * `text` is the key of the button's label. `change` changes the body; the other members say what is done besides, before the
 * call is sent again.
 * @typedef {object} Repair
 * @property {'tag' | 'type' | 'value' | 'quote' | 'field' | 'account' | 'usersig' | 'caller'} kind
 * @property {Record<string, string>} values of the label
 * @property {(body: any) => void} [change]
 * @property {{ keyword: string, type: string }} [field] is defined
 * @property {string} [account] is created
 */

/**
 * @param {object} call
 * @param {number | null} call.code
 * @param {string | null} call.detail
 * @param {any} call.body the body as it was sent; undefined when it is not JSON
 * @param {string} call.usersig
 * @param {{ tag: string, type: string, values: string[] }[]} call.fields of the app
 * @returns {Repair[]}
 */
export function repairsOf({ code, detail, body, usersig, fields }) {
  switch (code) {
    case 40009: return unknownTag(detail ?? '', body, fields);
    case 40610: return items(body).flatMap((item, index) => wrongType(item, index, fields)).slice(0, 1);
    case 40605: return items(body).flatMap((item, index) => wrongValue(item, index, fields)).slice(0, 3);
    case 40003: return accounts([body?.From_Account]);
    case 70107: return accounts([body?.UserID]);
    case 60015: return unquoted(body);
    case 40004: case 70403: return [{ kind: 'caller', values: {} }];
    case 60025: case 70001: case 70003: case 70009: case 70013: case 70014: case 70052:
      return usersig === 'valid' ? [] : [{ kind: 'usersig', values: {} }];
    default: return [];
  }
}

/** The accounts that a successful `portrait_get` did not find. @param {any} answer @returns {Repair[]} */
export const missingAccounts = (answer) => (Array.isArray(answer?.Invalid_Account) ? accounts(answer.Invalid_Account).slice(0, 3) : []);

/** @param {any} body @returns {any[]} */
const items = (body) => (Array.isArray(body?.ProfileItem) ? body.ProfileItem : []);

/** @param {any[]} ids @returns {Repair[]} */
const accounts = (ids) => ids.filter((id) => typeof id === 'string').map((account) => ({ kind: 'account', values: { account }, account }));

/** @param {string} detail @param {any} body @param {{ tag: string }[]} fields @returns {Repair[]} */
function unknownTag(detail, body, fields) {
  const list = Array.isArray(body?.TagList) ? body.TagList : items(body).map((item) => item?.Tag);
  const known = new Set(fields.map(({ tag }) => tag));
  const wrong = list.find((/** @type {any} */ tag) => typeof tag === 'string' && tag !== '' && !known.has(tag) && detail.includes(tag));
  if (wrong === undefined) return [];
  const reason = detail.replaceAll(wrong, '');
  // The longest: Tag_Profile_IM_Image holds no other tag, but a custom field's may hold another's.
  const near = [...known].filter((tag) => reason.includes(tag)).sort((one, other) => other.length - one.length)[0];
  const replace = (/** @type {any} */ one) => (one === wrong ? near : one);
  if (near) {
    return [{ kind: 'tag', values: { tag: near }, change: (changed) => {
      if (Array.isArray(changed.TagList)) changed.TagList = [...new Set(changed.TagList.map(replace))];
      for (const item of items(changed)) item.Tag = replace(item.Tag);
    } }];
  }
  const keyword = /^Tag_Profile_Custom_(?:\d+_)?([A-Za-z]{1,8})$/.exec(wrong)?.[1];
  if (!keyword) return [];
  const value = items(body).find((item) => item.Tag === wrong)?.Value;
  const type = typeof value === 'number' || typeof value === 'bigint' ? 'uint64' : 'string';
  return [{ kind: 'field', values: { keyword, type }, field: { keyword, type } }];
}

/** @param {any} item @param {number} index @param {{ tag: string, type: string }[]} fields @returns {Repair[]} */
function wrongType(item, index, fields) {
  const field = fields.find(({ tag }) => tag === item?.Tag);
  if (!field || hasType(item.Value, field.type)) return [];
  const value = valueOf(typedOf(item.Value), field.type);
  if (!hasType(value, field.type)) return [];
  return [{ kind: 'type', values: { value: stringify(value) }, change: (body) => (body.ProfileItem[index].Value = value) }];
}

/** @param {any} item @param {number} index @param {{ tag: string, values: string[] }[]} fields @returns {Repair[]} */
function wrongValue(item, index, fields) {
  const values = fields.find(({ tag }) => tag === item?.Tag)?.values ?? [];
  if (values.includes(item?.Value)) return [];
  const typed = typedOf(item?.Value).toLowerCase();
  const near = [...values].sort((one, other) => Number(other.toLowerCase().endsWith(typed)) - Number(one.toLowerCase().endsWith(typed)));
  return near.map((value) => ({ kind: 'value', values: { value }, change: (body) => (body.ProfileItem[index].Value = value) }));
}

/** @param {any} body @returns {Repair[]} */
function unquoted(body) {
  const name = ['From_Account', 'UserID'].find((one) => ['number', 'bigint'].includes(typeof body?.[one]));
  if (!name) return [];
  const value = String(body[name]);
  return [{ kind: 'quote', values: { value: stringify(value) }, change: (changed) => (changed[name] = value) }];
}
