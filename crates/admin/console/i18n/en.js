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
  'apps.about': 'Every app of this server. Apps share nothing: each has its own keys, fields and users.',
  'apps.column.accounts': 'Users',
  'apps.column.action': 'Action',
  'apps.column.calls': 'Calls since the start',
  'apps.column.last': 'Last call',
  'apps.column.name': 'Name',
  'apps.column.state': 'State',
  'apps.create': 'Create',
  'apps.empty': 'Without users',
  'apps.made': 'App {app} was created',
  'apps.name': 'Name, if you like',
  'apps.never': 'none since the start',
  'apps.new': 'New app',
  'apps.number': 'SDKAppID',
  'apps.numberRule': 'A number from 1 to 4294967295',
  'apps.off': 'off',
  'apps.on': 'on',
  'apps.once': 'This is its key, with which UserSigs are signed. Store it now: it is not shown again.',
  'apps.remove': 'Delete',
  'apps.removeText': 'Its users, recorded calls and fault rules are deleted with it.',
  'apps.removeTitle': 'Delete the throw-away app {app}?',
  'apps.removed': 'App {app} is deleted',
  'apps.throwAway': 'Throw-away app',
  'apps.throwAwayAbout': 'A new app with the settings and sample users of {app}, for one test. It is gone when the emulator stops.',
  'apps.throwAwayBadge': 'throw-away',
  'apps.throwAwayMake': 'Make one',
  'apps.throwAwayOnce': 'This is its key; {admin} is its App admin. The key is not shown again.',
  'apps.webhook': 'Webhook to the inbox here',

  // Tokens.
  'tokens.about': 'Each person and program has a token of its own for the admin API and this console. The store keeps only a hash of it.',
  'tokens.column.action': 'Action',
  'tokens.column.made': 'Created',
  'tokens.column.name': 'Name',
  'tokens.create': 'Create',
  'tokens.local': 'the file admin.token; to replace it, delete the file and restart the server',
  'tokens.made': 'The token {name} was created',
  'tokens.name': 'Name: who or what uses it',
  'tokens.nameRule': '1 to 64 letters, digits, dots, hyphens and underscores',
  'tokens.new': 'New token',
  'tokens.once': 'Store it now: it is not shown again.',
  'tokens.revoke': 'Revoke',
  'tokens.revokeOwn': 'You are signed in with this token: you will be signed out at once. It can’t be restored.',
  'tokens.revokeText': 'Whoever uses it is refused from the next request on. It can’t be restored.',
  'tokens.revokeTitle': 'Revoke the token {name}?',
  'tokens.revoked': 'The token {name} is revoked',

  // Audit log.
  'audit.about': 'Who changed what through the admin API, the command line and this console. Users are named by a hash of their UserID. The list stays as it is until you refresh it.',
  'audit.all': 'All apps and the server',
  'audit.app': 'App',
  'audit.column.change': 'Before → after',
  'audit.column.what': 'What',
  'audit.column.when': 'When',
  'audit.column.who': 'Who',
  'audit.count': '{shown} of {loaded} loaded entries are shown',
  'audit.more': 'Load older entries',
  'audit.none': 'Nothing was changed yet. On the command line:',
  'audit.noneShown': 'No loaded entry matches the filter.',
  'audit.refresh': 'Refresh',
  'audit.who': 'Filter what is loaded: who, address, resource',

  // Backup.
  'backup.about': 'Copies the whole store (apps, keys, users) to the server’s own disk while it serves. No call waits for it.',
  'backup.checkThis': 'To check it:',
  'backup.command.check': 'Check everything in a stopped server’s data, or in a backup',
  'backup.command.compact': 'Rewrite the database without free space and without traces of deleted data',
  'backup.command.doctor': 'Check whether a server can run there',
  'backup.command.migrate': 'Move users with their profiles from the cloud',
  'backup.command.repair': 'Give up the changes in a damaged or lost log, so that the server starts again',
  'backup.command.restore': 'Make a data directory from a backup',
  'backup.commands': 'On the command line only',
  'backup.commandsAbout': 'These work on the data of a stopped server, or need what a browser does not have.',
  'backup.directory': 'Directory on the server’s disk',
  'backup.directoryHint': 'A new or empty directory. It needs as much space as the database.',
  'backup.directoryRule': 'An absolute path: it begins with /',
  'backup.done': 'The backup is complete, after {took}',
  'backup.new': 'New backup',
  'backup.restore': 'To make a data directory from it:',
  'backup.running': 'The backup to {directory} is being written. It goes on if you leave this page.',
  'backup.secret': 'The backup holds keys and personal data: keep it safe.',
  'backup.start': 'Back up',
};
