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
