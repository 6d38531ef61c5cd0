// Import and export of accounts with their profiles.

import { h } from '../ui/dom.js';
import { t } from '../i18n/language.js';
import { exportCard } from './transfer/export.js';
import { importCard } from './transfer/import.js';

/** @param {{ app: number }} address */
export default function transfer({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.transfer')), h('p', { class: 'soft' }, t('transfer.about')))),
    importCard(app),
    exportCard(app));
}
