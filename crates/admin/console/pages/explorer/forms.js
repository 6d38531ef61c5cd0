// The bodies of the commands, without the page: the members that a form reads and writes, what puts a refused call right, and
// examples.

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

// What puts a refused call right in one click, found from its code, its reason and its body. Without the page.

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

// Bodies to start from, also the usual mistakes, each with the code that it gives on the accounts and fields that
// `portraitd dev` starts with. A table without the page: a test sends every row in turn.

/**
 * @typedef {object} Example
 * @property {string} id its text is `explorer.example.ID`
 * @property {string} command
 * @property {number} code what it is answered
 * @property {any} body an object; a text is sent as it is
 * @property {string} [identifier] the caller, where that is not an admin
 * @property {boolean} [needsWord] whether `WORD` in it stands for a sensitive word of the app
 */

const many = (/** @type {(id: string) => any} */ make) => Array.from({ length: 101 }, (_, index) => make(`user${index + 1}`));
const set = (/** @type {any} */ Value, Tag = 'Tag_Profile_IM_Nick', From_Account = /** @type {any} */ ('alice')) => ({
  From_Account,
  ProfileItem: [{ Tag, Value }],
});

/** @type {Example[]} */
export const EXAMPLES = [
  { id: 'set', command: 'portrait_set', code: 0, body: {
    From_Account: 'alice',
    ProfileItem: [
      { Tag: 'Tag_Profile_IM_Nick', Value: 'Alice Liddell' },
      { Tag: 'Tag_Profile_IM_Gender', Value: 'Gender_Type_Female' },
      { Tag: 'Tag_Profile_IM_BirthDay', Value: 18520504 },
    ],
  } },
  { id: 'set_custom', command: 'portrait_set', code: 0, body: set('hello', 'Tag_Profile_Custom_Test') },
  { id: 'set_empty', command: 'portrait_set', code: 0, body: set('', 'Tag_Profile_IM_SelfSignature') },
  { id: 'set_client_name', command: 'portrait_set', code: 40009, body: set('https://example.com/a.png', 'faceURL') },
  { id: 'set_misspelt', command: 'portrait_set', code: 40009, body: set('Alice', 'Tag_Profile_IM_NickName') },
  { id: 'set_undefined', command: 'portrait_set', code: 40009, body: set('gold', 'Tag_Profile_Custom_Tier') },
  { id: 'set_type', command: 'portrait_set', code: 40610, body: set('7', 'Tag_Profile_IM_Level') },
  { id: 'set_value', command: 'portrait_set', code: 40605, body: set('female', 'Tag_Profile_IM_Gender') },
  { id: 'set_long', command: 'portrait_set', code: 40601, body: set('爱'.repeat(167)) },
  { id: 'set_account', command: 'portrait_set', code: 40003, body: set('Nobody', 'Tag_Profile_IM_Nick', 'nobody') },
  { id: 'set_word', command: 'portrait_set', code: 40005, needsWord: true, body: set('WORD') },
  { id: 'set_shape', command: 'portrait_set', code: 40001, body: { From_Account: 'alice', ProfileItem: [] } },
  { id: 'set_number', command: 'portrait_set', code: 60015, body: set('Alice', 'Tag_Profile_IM_Nick', 10001) },
  { id: 'set_user', command: 'portrait_set', code: 40004, identifier: 'alice', body: set('Alice') },
  { id: 'set_broken', command: 'portrait_set', code: 60003, body: `{
  "From_Account": "alice",
  "ProfileItem": [
    { "Tag": "Tag_Profile_IM_Nick", "Value": "Alice" },
  ]
}` },

  { id: 'get', command: 'portrait_get', code: 0, body: {
    To_Account: ['alice', 'bob'],
    TagList: ['Tag_Profile_IM_Nick', 'Tag_Profile_IM_Gender', 'Tag_Profile_IM_Image'],
  } },
  { id: 'get_missing', command: 'portrait_get', code: 0, body: { To_Account: ['alice', 'nobody'], TagList: ['Tag_Profile_IM_Nick'] } },
  { id: 'get_misspelt', command: 'portrait_get', code: 40009, body: { To_Account: ['alice'], TagList: ['nickName'] } },
  { id: 'get_no_tags', command: 'portrait_get', code: 40001, body: { To_Account: ['alice'], TagList: [] } },
  { id: 'get_no_users', command: 'portrait_get', code: 40002, body: { To_Account: [], TagList: ['Tag_Profile_IM_Nick'] } },
  { id: 'get_many', command: 'portrait_get', code: 40001, body: { To_Account: many((id) => id), TagList: ['Tag_Profile_IM_Nick'] } },
  { id: 'get_broken', command: 'portrait_get', code: 60003, body: '{ "To_Account": ["alice"], "TagList": ["Tag_Profile_IM_Nick" }' },

  { id: 'import', command: 'account_import', code: 0, body: { UserID: 'dave', Nick: 'Dave', FaceUrl: 'https://example.com/dave.png' } },
  { id: 'import_long', command: 'account_import', code: 70402, body: { UserID: 'a-user-id-has-at-most-32-bytes-not-37', Nick: 'Dave' } },
  { id: 'import_reserved', command: 'account_import', code: 70402, body: { UserID: '@TLS#dave' } },
  { id: 'import_number', command: 'account_import', code: 60015, body: { UserID: 10001 } },
  { id: 'import_nick', command: 'account_import', code: 40601, body: { UserID: 'dave', Nick: 'x'.repeat(501) } },

  { id: 'import_ids', command: 'multiaccount_import', code: 0, body: { Accounts: ['erin', 'frank'] } },
  { id: 'import_profiles', command: 'multiaccount_import', code: 0, body: {
    AccountList: [{ UserID: 'erin', Nick: 'Erin', FaceUrl: 'https://example.com/erin.png' }, { UserID: 'frank', Nick: 'Frank' }],
  } },
  { id: 'import_many', command: 'multiaccount_import', code: 70402, body: { Accounts: many((id) => id) } },

  { id: 'check', command: 'account_check', code: 0, body: { CheckItem: [{ UserID: 'alice' }, { UserID: 'nobody' }] } },
  { id: 'check_shape', command: 'account_check', code: 70402, body: { CheckItem: ['alice'] } },
  { id: 'check_many', command: 'account_check', code: 70402, body: { CheckItem: many((UserID) => ({ UserID })) } },

  { id: 'delete', command: 'account_delete', code: 0, body: { DeleteItem: [{ UserID: 'dave' }] } },
  { id: 'delete_many', command: 'account_delete', code: 70402, body: { DeleteItem: many((UserID) => ({ UserID })) } },

  { id: 'kick', command: 'kick', code: 0, body: { UserID: 'alice' } },
  { id: 'kick_missing', command: 'kick', code: 70107, body: { UserID: 'nobody' } },
  { id: 'kick_broken', command: 'kick', code: 60003, body: 'UserID=alice' },
];

/** The examples of a command; the first one is what its form starts with. @param {string} command */
export const examplesOf = (command) => EXAMPLES.filter((example) => example.command === command);
