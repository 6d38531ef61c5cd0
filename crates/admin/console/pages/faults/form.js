// The form for a fault rule: which calls, how often, what happens; and the request that it makes.

import * as api from '../../api.js';
import { loadEmulator, needs, reference } from '../../state.js';
import { t } from '../../i18n/language.js';
import { copyButton } from '../../ui/clipboard.js';
import { textBlock } from '../../ui/code.js';
import { computed, h, signal } from '../../ui/dom.js';
import { selectField, textField } from '../../ui/field.js';
import { onCtrlEnter } from '../../ui/keys.js';
import { failure } from '../../ui/load.js';
import { toast } from '../../ui/toast.js';
import { ruleOf, toml } from './rule.js';

const OFTEN = ['always', 'next', 'percent'];
const EFFECTS = ['code', 'after', 'before', 'delay', 'cut-json', 'cut-body', 'html', 'empty', 'drip'];
/** The one that retries must handle. */
const USUAL_EFFECT = 'after';
const USUAL_DELAY_MS = '3000';

/** @param {number} app @param {URLSearchParams} query may fill in `command`, `user`, `code` and `effect` */
export function ruleForm(app, query) {
  const form = {
    command: signal(query.get('command') ?? ''), everyApp: signal(''), user: signal(query.get('user') ?? ''),
    often: signal('next'), next: signal('1'), percent: signal('5'), seed: signal(''),
    effect: signal(EFFECTS.includes(query.get('effect') ?? '') ? /** @type {string} */ (query.get('effect')) : USUAL_EFFECT),
    code: signal(query.get('code') ?? '60007'), drip: signal('20'), delay: signal(''),
  };
  const rule = computed(() => ruleOf({
    command: form.command.value, app: form.everyApp.value ? null : app, user: form.user.value,
    often: form.often.value, next: form.next.value, percent: form.percent.value, seed: form.seed.value,
    effect: form.effect.value, code: form.code.value, drip: form.drip.value,
    delay: form.effect.value === 'delay' && form.delay.value === '' ? USUAL_DELAY_MS : form.delay.value,
  }));
  const problem = signal(/** @type {unknown} */ (null));
  const add = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const added = await api.addFault(rule.peek());
      problem.value = null;
      toast(t('faults.added', { id: added.id }));
      await loadEmulator();
    } catch (error) {
      problem.value = error;
    }
  };
  return h('form', { class: 'card', onsubmit: add, onkeydown: onCtrlEnter(add) },
  h('header', {}, h('h2', {}, t('faults.new'))),
  h('div', { class: 'body stack' },
    h('fieldset', {}, h('legend', {}, t('faults.which')), h('div', { class: 'faults-fields' },
      textField(t('faults.command'), form.command, { list: 'fault-commands', placeholder: t('faults.any') }),
      commandList(),
      textField(t('faults.user'), form.user, { placeholder: t('faults.any') }),
      selectField(t('faults.app'), form.everyApp, () => [['', String(app)], ['all', t('faults.every_app')]]))),
    h('fieldset', {}, h('legend', {}, t('faults.how_often')),
      chips(form.often, OFTEN, 'faults.often.'),
      () => form.often.value === 'next' && h('div', { class: 'faults-fields' }, numberField(t('faults.next'), form.next, 1, 1_000_000)),
      () => form.often.value === 'percent' && h('div', { class: 'faults-fields' },
        numberField(t('faults.percent'), form.percent, 0, 100, 'any'),
        numberField(t('faults.seed'), form.seed, 0, Number.MAX_SAFE_INTEGER, '1', t('faults.seed_drawn')))),
    h('fieldset', {}, h('legend', {}, t('faults.what')),
      chips(form.effect, EFFECTS, 'faults.effect.'),
      h('p', { class: 'soft small' }, () => t(/** @type {any} */ (`faults.explain.${form.effect.value}`))),
      h('div', { class: 'faults-fields' },
        () => form.effect.value === 'code' && selectField(t('faults.code'), form.code, codeOptions),
        () => form.effect.value === 'drip' && numberField(t('faults.drip'), form.drip, 1, 10_000),
        numberField(t('faults.delay'), form.delay, 0, 600_000, '1',
          () => (form.effect.value === 'delay' ? USUAL_DELAY_MS : t('faults.no_delay'))))),
    () => problem.value !== null && failure(problem.value),
    h('div', { class: 'row' },
      h('button', needs('operator', { class: 'primary' }), t('faults.add')),
      copyButton(() => toml([rule.peek()]), t('faults.copy_toml'))),
    () => textBlock(`POST /_portraitd/faults\n${JSON.stringify(rule.value)}`, () => JSON.stringify(rule.peek()))));
}

/**
 * Buttons of which one is pressed.
 * @param {{ value: string }} value @param {string[]} choices @param {string} key the start of their texts' keys
 */
function chips(value, choices, key) {
  return h('div', { class: 'chips' }, choices.map((choice) =>
    h('button', { type: 'button', 'aria-pressed': () => String(value.value === choice), onclick: () => (value.value = choice) },
      t(/** @type {any} */ (key + choice)))));
}

/** @param {string} label @param {{ value: string }} value @param {number} min @param {number} max */
function numberField(label, value, min, max, step = '1', placeholder = /** @type {any} */ (null)) {
  return textField(label, value, { type: 'number', min, max, step, placeholder });
}

function commandList() {
  return h('datalist', { id: 'fault-commands' }, () =>
    (reference.value?.commands ?? []).map((command) => h('option', { value: command.name }, command.title)));
}

/**
 * The codes that portraitd answers; those of the cloud alone have no wording here, and the API refuses them.
 * @returns {[string, string][]}
 */
function codeOptions() {
  return Object.entries(reference.value?.codes ?? {}).filter(([, { info }]) => info !== '').map(([code, { info }]) => [code, `${code} ${info}`]);
}
