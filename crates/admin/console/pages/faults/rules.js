// The fault rules: those that there are, with how often each matched and fired, and the form for a new one.

import * as api from '../../api.js';
import { emulator, loadEmulator, needs, reference } from '../../state.js';
import { textBlock } from '../../ui/code.js';
import { computed, each, h, signal } from '../../ui/dom.js';
import { onCtrlEnter, selectField, textField } from '../../ui/field.js';
import { effectWords, oftenWords } from '../../ui/format.js';
import { stringify } from '../../ui/json.js';
import { attempt, confirm, copyButton, failure, toast } from '../../ui/page.js';
import { t } from '../../i18n/language.js';

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
    h('button', needs('operator', { onclick: remove, 'aria-label': t('faults.remove_one', { id }) }), t('remove')));
}

/** What keeps a rule from having an effect. The emulator's own sentence is in English. @param {ActiveFault} shown */
function warning({ matched, fired, left }) {
  if (left === 0) return h('div', { class: 'soft small' }, t('faults.used_up'));
  if (matched === 0) return h('div', { class: 'warning small' }, t('faults.never_matched'));
  return fired === 0 && h('div', { class: 'warning small' }, t('faults.never_fired', { n: matched }));
}

// A fault rule from what the form says, and rules as TOML for `portraitd dev --faults`.

/** The largest whole number of TOML. */
const TOML_MAX = 2n ** 63n - 1n;

/** The effects that need nothing but their name. @type {Record<string, any>} */
const ACTIONS = {
  after: { close: 'after' },
  before: { close: 'before' },
  'cut-json': { malformed: 'cut-json' },
  'cut-body': { malformed: 'cut-body' },
  html: { malformed: 'html' },
  empty: { malformed: 'empty' },
};

/**
 * The rule as the control API takes it, its members in the order of the documentation. What is no number goes as it was
 * typed: the API says what is wrong with it.
 * @param {{
 *   command: string, app: number | null, user: string, often: string, next: string, percent: string, seed: string,
 *   effect: string, code: string, drip: string, delay: string,
 * }} form
 */
function ruleOf(form) {
  /** @type {Record<string, any>} */
  const rule = {};
  if (form.command.trim()) rule.command = form.command.trim();
  if (form.app !== null) rule.app = form.app;
  if (form.user) rule.user = form.user;
  if (form.often === 'next') rule.next = number(form.next);
  if (form.often === 'percent') {
    const percent = number(form.percent);
    rule.probability = typeof percent === 'number' ? Number((percent / 100).toPrecision(12)) : percent;
    if (form.seed !== '') rule.seed = number(form.seed);
  }
  if (form.effect === 'code') rule.code = number(form.code);
  else if (form.effect === 'drip') rule.drip_ms = number(form.drip);
  else Object.assign(rule, ACTIONS[form.effect]);
  if (form.delay !== '') rule.delay_ms = number(form.delay);
  return rule;
}

/** @param {string} text */
function number(text) {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** @param {FaultRule[]} rules */
function toml(rules) {
  return rules.map((rule) => ['[[fault]]', ...Object.entries(rule).map(tomlMember), ''].join('\n')).join('\n');
}

/** @param {[string, any]} member */
function tomlMember([name, value]) {
  // Seeds that the emulator drew can be larger than any number of TOML.
  if (typeof value === 'bigint' && value > TOML_MAX) return `# ${name} = ${value}  is too large for TOML; another is drawn`;
  return `${name} = ${stringify(value).replaceAll('\u007f', String.raw`\u007f`)}`;
}

// The form for a fault rule: which calls, how often, what happens; and the request that it makes.

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
      textField(t('command'), form.command, { list: 'fault-commands', placeholder: t('faults.any') }),
      commandList(),
      textField(t('user'), form.user, { placeholder: t('faults.any') }),
      selectField(t('app'), form.everyApp, () => [['', String(app)], ['all', t('faults.every_app')]]))),
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
        () => form.effect.value === 'code' && selectField(t('code'), form.code, codeOptions),
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
