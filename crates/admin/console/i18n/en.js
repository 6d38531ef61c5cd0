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
