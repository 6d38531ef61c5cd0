// The fault rules that there are: how often each matched and fired.

import * as api from '../../api.js';
import { emulator, loadEmulator, needs } from '../../state.js';
import { t } from '../../i18n/language.js';
import { copyButton } from '../../ui/clipboard.js';
import { textBlock } from '../../ui/code.js';
import { confirm } from '../../ui/dialog.js';
import { computed, each, h } from '../../ui/dom.js';
import { attempt } from '../../ui/load.js';
import { stringify } from '../../ui/json.js';
import { toml } from './rule.js';
import { effectWords, oftenWords } from './words.js';

export function rulesCard() {
  const rules = () => emulator.value?.faults ?? [];
  const removeAll = async () => {
    const text = t('faults.remove_all_text', { n: rules().length });
    if (!(await confirm({ title: t('faults.remove_all_title'), text, action: t('faults.remove_all') }))) return;
    await attempt(async () => {
      await api.clearFaults(undefined);
      await loadEmulator();
    });
  };
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('faults.rules')), h('span', { class: 'grow' }),
      () => rules().length > 0 && [
        copyButton(() => toml(rules().map(({ rule }) => rule)), t('faults.copy_toml_all')),
        h('button', needs('operator', { class: 'danger', onclick: removeAll }), t('faults.remove_all')),
      ]),
    h('ul', { class: 'rules' }, each(() => rules().map(({ id }) => id), (id) => id, ruleRow)),
    () => rules().length === 0 && h('div', { class: 'empty stack' }, h('p', {}, t('faults.none')),
      textBlock('portraitd emulator faults add --command portrait_set --next 1 --close after')));
}

/** A row stays while its counts change. @param {number} id */
function ruleRow(id) {
  /** @type {{ value: ActiveFault, peek: () => ActiveFault }} */
  const shown = computed(() => emulator.value?.faults.find((one) => one.id === id) ?? shown.peek());
  const { rule, from, effect } = shown.peek();
  const remove = () => attempt(async () => {
    await api.removeFault(id);
    await loadEmulator();
  });
  const delay = rule.delay_ms === undefined ? '' : t('faults.did_delay', { ms: rule.delay_ms });
  const words = [oftenWords(rule), delay].filter(Boolean).join(' · ');
  return h('li', { class: () => ({ idle: shown.value.left === 0 }) },
    h('span', { class: 'soft' }, id),
    h('div', {},
      h('div', {}, h('code', {}, rule.command ?? t('faults.any_command')),
        rule.user !== undefined && [' · ', h('code', {}, rule.user)],
        rule.app !== undefined && [' · ', h('code', { class: 'soft' }, rule.app)],
        from === 'file' && [' ', h('span', { class: 'badge' }, '--faults')]),
      h('div', {}, effectWords(effect)),
      h('div', { class: 'soft small' }, words),
      () => warning(shown.value),
      h('details', {}, h('summary', { class: 'small' }, 'JSON'), textBlock(stringify(rule)))),
    h('dl', { class: 'pairs small' },
      h('dt', {}, t('faults.matched')), h('dd', { class: 'mono' }, () => shown.value.matched),
      h('dt', {}, t('faults.fired')), h('dd', { class: 'mono' }, () => shown.value.fired),
      rule.next !== undefined && [h('dt', {}, t('faults.left')), h('dd', { class: 'mono' }, () => shown.value.left)]),
    h('button', needs('operator', { onclick: remove, 'aria-label': t('faults.remove_one', { id }) }), t('faults.remove')));
}

/** What keeps a rule from having an effect. The emulator's own sentence is in English. @param {ActiveFault} shown */
function warning({ matched, fired, left }) {
  if (left === 0) return h('div', { class: 'soft small' }, t('faults.used_up'));
  if (matched === 0) return h('div', { class: 'warning small' }, t('faults.never_matched'));
  return fired === 0 && h('div', { class: 'warning small' }, t('faults.never_fired', { n: matched }));
}
