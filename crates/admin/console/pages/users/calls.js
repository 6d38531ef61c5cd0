// The calls of the live stream that a user made, or that name it.

import { address } from '../../app.js';
import { calls } from '../../stream.js';
import { h } from '../../ui/dom.js';
import { codeBadge } from '../../ui/explain.js';
import { table } from '../../ui/table.js';
import { clockTime } from '../../ui/time.js';
import { t } from '../../i18n/language.js';

const SHOWN_MAX = 100;

/** @param {{ app: number, user: string }} tab */
export function callsTab({ app, user }) {
  const concerns = (/** @type {RecordedCall} */ call) => call.app === app && (call.identifier === user || call.users.includes(user));
  const found = () => calls.value.filter(concerns).slice(0, SHOWN_MAX);
  return table({
    label: t('users.tab.calls'),
    rows: found,
    keyOf: ({ request_id }) => request_id,
    columns: [
      { title: t('users.history.when'), cell: ({ at_ms }) => clockTime(at_ms) },
      {
        title: t('users.calls.command'),
        cell: ({ request_id, command, path }) =>
          h('a', { href: `${address('calls')}?id=${encodeURIComponent(request_id)}` }, command ?? path),
      },
      { title: t('users.calls.code'), cell: ({ code }) => codeBadge(code) },
    ],
    empty: () => [t('users.calls.none'), ' ', h('a', { href: address('explorer', 'portrait_get') }, 'portrait_get')],
  });
}
