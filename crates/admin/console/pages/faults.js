// Faults, time and data: what the cloud never lets a test do.

import { loadEmulator } from '../state.js';
import { t } from '../i18n/language.js';
import { h } from '../ui/dom.js';
import { sentence } from '../ui/load.js';
import { toast } from '../ui/toast.js';
import { clockCard } from './faults/clock.js';
import { dataCard } from './faults/data.js';
import { ruleForm } from './faults/form.js';
import { rulesCard } from './faults/rules.js';

/** @param {{ app: number, query: URLSearchParams }} page */
export default function faultsPage({ app, query }) {
  loadEmulator().catch((error) => toast(sentence(error), 'bad'));
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.faults')), h('p', { class: 'soft' }, t('faults.about')))),
    h('div', { class: 'split' },
      h('div', {}, ruleForm(app, query)),
      h('div', {}, rulesCard(), clockCard(), dataCard(app))));
}
