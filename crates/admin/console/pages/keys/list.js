// The keys that are in use, without their secrets.

import { needs } from '../../state.js';
import { h } from '../../ui/dom.js';
import { table } from '../../ui/table.js';
import { time } from '../../ui/time.js';
import { t } from '../../i18n/language.js';

/** @param {{ keys: () => import('./uses.js').Key[], uses: import('./uses.js').KeyUses, actions: import('./actions.js').KeyActions }} card */
export function keysCard({ keys, uses, actions }) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', { class: 'grow' }, t('keys.keys')), h('button', { onclick: uses.look }, t('keys.look'))),
    table({
      label: t('keys.keys'),
      rows: keys,
      keyOf: ({ id }) => id,
      columns: [
        { title: t('keys.number'), cell: ({ id }) => h('b', {}, id) },
        { title: t('keys.secret'), narrow: true, cell: ({ last4 }) => h('code', {}, `••••••••${last4}`) },
        {
          title: t('keys.created'),
          narrow: true,
          cell: ({ created_ms: at }) => (at === null ? h('span', { class: 'soft' }, t('keys.created.unknown')) : time(at)),
        },
        { title: t('keys.used'), cell: (key) => () => uses.shown(key) },
        {
          title: t('keys.actions'),
          cell: (key) => h('button', needs('admin', {
            class: 'danger', onclick: () => actions.revoke(key), disabled: () => keys().length === 1,
            'aria-label': t('keys.revoke.of', { id: key.id }),
          }), t('keys.revoke.open')),
        },
      ],
      empty: () => t('keys.none'),
    }),
    h('div', { class: 'body small soft' }, () => t(keys().length === 1 ? 'keys.last' : 'keys.oldest')));
}
