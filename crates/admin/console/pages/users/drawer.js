// One user: the profile, who changed it, the calls about it, and what can't be undone.

import { isDev } from '../../state.js';
import { copyButton } from '../../ui/clipboard.js';
import { h, signal } from '../../ui/dom.js';
import { tabs } from '../../ui/tabs.js';
import { visible } from '../../ui/visible.js';
import { t } from '../../i18n/language.js';
import { callsTab } from './calls.js';
import { dangerTab } from './danger.js';
import { historyTab } from './history.js';
import { profileTab } from './profile.js';

/**
 * @param {{
 *   app: number, user: string, unsaved: { value: number }, close: () => void,
 *   changed: (account: Schema<'AccountView'>) => void, deleted: (user: string) => void,
 * }} drawer
 */
export function drawer({ app, user, unsaved, close, changed, deleted }) {
  // Made once, so that going to another tab and back keeps what was typed.
  const profile = profileTab({ app, user, unsaved, changed });
  const { list, panel } = tabs(t('users.one'), signal('profile'), [
    { id: 'profile', title: () => t('users.tab.profile'), content: () => profile },
    { id: 'history', title: () => t('users.tab.history'), content: () => historyTab({ app, user }) },
    ...(isDev() ? [{ id: 'calls', title: () => t('users.tab.calls'), content: () => callsTab({ app, user }) }] : []),
    { id: 'danger', title: () => t('users.tab.danger'), content: () => dangerTab({ app, user, deleted }) },
  ]);
  return h('section', { class: 'card users-drawer', 'aria-label': t('users.one') },
    h('header', {},
      h('h2', { class: 'grow mono' }, visible(user)),
      copyButton(() => user),
      h('button', { class: 'plain', 'aria-label': t('users.close'), onclick: close }, '✕')),
    h('div', { class: 'body stack' }, list, panel));
}
