// The texts in English. `zh.js` has the same keys; a test compares them.

export default {
  // The shell.
  'again': 'Try again',
  'app.none': 'There is no app yet. Create one:',
  'app.pick': 'App',
  'cancel': 'Cancel',
  'code.more': 'More about {code}',
  'code.none': 'no answer',
  'copied': 'Copied',
  'copy': 'Copy',
  'group.app': 'This app',
  'group.develop': 'Develop',
  'group.server': 'Server',
  'json.wrong': 'Line {line} is not JSON: {message}',
  'loading': 'Loading …',
  'login.enter': 'Sign in',
  'login.title': 'Sign in to the console',
  'login.token': 'Admin token',
  'login.where': 'The token is in the data directory; others can be made, and a link that signs in once:',
  'menu': 'Menu',
  'page.apps': 'Apps',
  'page.audit': 'Audit log',
  'page.backup': 'Backup',
  'page.calls': 'Live calls',
  'page.connect': 'Connect',
  'page.explorer': 'API explorer',
  'page.faults': 'Faults, time & data',
  'page.fields': 'Fields',
  'page.inbox': 'Webhook inbox',
  'page.keys': 'Keys & admins',
  'page.none': 'There is no such page here.',
  'page.overview': 'Overview',
  'page.settings': 'Settings',
  'page.tokens': 'Tokens',
  'page.transfer': 'Import & export',
  'page.users': 'Users',
  'page.usersig': 'UserSig',
  'page.webhook': 'Webhook',
  'page.words': 'Sensitive words',
  'path.dots': 'A browser can’t ask for something that is named “{text}”. Use the command line for it.',
  'secret.stored': 'I have stored it',
  'sign.out': 'Sign out',
  'skip': 'To the content',
  'theme': 'Light or dark',
  'top.clock': 'The clock is changed',
  'top.faults': ({ n }) => (n === 1 ? '1 fault rule is active' : `${n} fault rules are active`),
  'type.label': 'Type {text} to confirm',
  'unreachable': 'The server can’t be reached. Is it running?',

  // API explorer.

  // Live calls.

  // UserSig.

  // Webhook inbox.

  // Faults, time and data.

  // Connect.

  // Users.
  'users.about': 'The accounts of this app with their profiles.',
  'users.calls.code': 'Code',
  'users.calls.command': 'Call',
  'users.calls.none': 'No recorded call names this user. Make one:',
  'users.changed': 'changed',
  'users.choose': 'Choose a user to see the profile.',
  'users.close': 'Close the profile',
  'users.create': 'Create a user',
  'users.create.about': '1 to 32 bytes of UTF-8. A user that exists already stays as it is.',
  'users.create.action': 'Create',
  'users.damaged': 'damaged',
  'users.delete': 'Delete this user',
  'users.delete.about': 'The account goes with its whole profile. It can only come back from a backup or an export.',
  'users.delete.done': 'The user is deleted.',
  'users.delete.open': 'Delete …',
  'users.delete.title': 'Delete this user?',
  'users.export': 'Export this user',
  'users.export.about': 'The account and its whole profile as one line of JSON, which can be imported again.',
  'users.export.action': 'Download',
  'users.fields': 'Fields set',
  'users.history.about': 'Changes made by operators. Calls of /v4 are not in the audit log.',
  'users.history.created': 'created the user',
  'users.history.deleted': 'deleted the user',
  'users.history.further': 'Look further back',
  'users.history.https': 'Browsers can find this user in the audit log only over HTTPS or on the server’s own machine. The command line can:',
  'users.history.none': 'No operator changed this user.',
  'users.history.read': ({ n }) => (n === 1 ? '1 entry of this app was read.' : `${n} entries of this app were read.`),
  'users.history.set': 'set fields',
  'users.history.what': 'What',
  'users.history.when': 'When',
  'users.history.who': 'Who',
  'users.kicked': 'Kicked: UserSigs are refused that were issued up to',
  'users.leave': ({ n }) => (n === 1 ? 'One changed field is not saved' : `${n} changed fields are not saved`),
  'users.leave.action': 'Discard the changes',
  'users.more': 'Show {n} more',
  'users.nick': 'Nickname',
  'users.none': 'This app has no user yet. Create one here, or import a file:',
  'users.none.found': 'No UserID starts with',
  'users.number': 'A whole number from 0 to {max} is needed here.',
  'users.one': 'User',
  'users.retired': 'Values of retired fields',
  'users.save': ({ n }) => (n === 0 ? 'Save' : `Save (${n})`),
  'users.save.action': 'Save',
  'users.save.title': ({ n }) => (n === 1 ? 'Change one field?' : `Change ${n} fields?`),
  'users.saved': 'The profile is saved.',
  'users.search': 'UserID starts with …',
  'users.shown': ({ n }) => (n === 1 ? '1 user is shown.' : `${n} users are shown.`),
  'users.shown.all': ({ n }) => (n === 1 ? '1 user: that is all.' : `${n} users: these are all.`),
  'users.tab.calls': 'Calls',
  'users.tab.danger': 'Export & delete',
  'users.tab.history': 'History',
  'users.tab.profile': 'Profile',
  'users.undo': 'Undo the change of {name}',
  'users.unset': 'not set',

  // Fields.

  // Sensitive words.

  // Keys and admins.

  // Settings.

  // Webhook.

  // Import and export.

  // Overview.

  // Apps.

  // Tokens.

  // Audit log.

  // Backup.
};
