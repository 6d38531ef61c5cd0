// The parts of the form of the settings.

import { reference } from '../../state.js';
import { breakable } from '../../ui/code.js';
import { h } from '../../ui/dom.js';
import { selectField, textField } from '../../ui/field.js';
import { count, duration } from '../../ui/numbers.js';
import { table } from '../../ui/table.js';
import { t } from '../../i18n/language.js';

/**
 * @typedef {import('./draft.js').Draft} Draft
 * @typedef {{ value: Record<string, any> }} Wrong
 */

/** @param {string} title @param {...import('../../ui/dom.js').Child} body */
function card(title, ...body) {
  return h('section', { class: 'card' }, h('header', {}, h('h2', {}, title)), h('div', { class: 'body stack' }, body));
}

/** @param {string} text */
const hint = (text) => h('span', { class: 'soft small' }, text);

/** What is wrong with a member, below its field. @param {Wrong} wrong @param {string} member */
function problem(wrong, member) {
  return () => wrong.value[member] && h('span', { class: 'invalid', role: 'alert' }, wrong.value[member]);
}

/** @param {Wrong} wrong @param {string} member */
const validity = (wrong, member) => ({ 'aria-invalid': () => String(member in wrong.value) });

/** A switch, with what follows from it as it stands. @param {Draft} draft @param {string} name */
function toggle(draft, name) {
  const text = (/** @type {string} */ part) => t(/** @type {any} */ (`settings.${name}${part}`));
  return h('div', {},
    h('label', { class: 'check' },
      h('input', {
        type: 'checkbox',
        role: 'switch',
        checked: () => draft[name].value,
        onchange: (/** @type {any} */ event) => (draft[name].value = event.target.checked),
      }),
      h('b', {}, text(''))),
    h(
      'div',
      { class: () => (name === 'enabled' && !draft[name].value ? 'note bad' : 'soft small') },
      () => text(draft[name].value ? '.on' : '.off'),
    ));
}

/** @param {Draft} draft @param {Wrong} wrong */
export function general(draft, wrong) {
  return card(t('settings.general'),
    textField(t('settings.name'), draft.name, validity(wrong, 'name'), problem(wrong, 'name')),
    toggle(draft, 'enabled'),
    toggle(draft, 'self_service'),
    h('div', {},
      selectField(
        t('settings.errorDetail'),
        draft.error_detail,
        () => [['null', t('settings.asServer')], ['true', t('settings.yes')], ['false', t('settings.no')]],
      ),
      hint(t('settings.errorDetailHint'))));
}

/** @param {Draft} draft @param {Wrong} wrong */
export function callers(draft, wrong) {
  const area = h('textarea', {
    class: 'code',
    rows: '4',
    spellcheck: 'false',
    placeholder: '10.0.0.0/8',
    value: () => draft.allow_ips.value,
    oninput: () => (draft.allow_ips.value = area.value),
    ...validity(wrong, 'allow_ips'),
  });
  return card(t('settings.callers'),
    h('label', { class: 'field' }, h('span', {}, t('settings.allowIps')), area,
      hint(t('settings.allowIpsHint')), problem(wrong, 'allow_ips')));
}

/** @param {Schema<'AppView'>} stored @param {Draft} draft @param {Wrong} wrong */
export function limits(stored, draft, wrong) {
  const commands = reference.peek()?.commands ?? [];
  const names = [...commands.map(({ name }) => name), 'total'].filter((name) => name in draft.limits);
  const command = (/** @type {string} */ name) => commands.find((one) => one.name === name);
  const input = (/** @type {string} */ name) => {
    const limit = draft.limits[name];
    return [
      h('input', {
        class: 'settings-number',
        inputmode: 'numeric',
        'aria-label': t('settings.limitOf', { name }),
        value: () => limit.value,
        oninput: (/** @type {any} */ event) => (limit.value = event.target.value.trim()),
        ...validity(wrong, `limits.${name}`),
      }),
      () => limit.value === '0' && h('div', { class: 'soft small' }, t('settings.noLimit')),
      problem(wrong, `limits.${name}`),
    ];
  };
  return h('section', { class: 'card' },
    h('header', {}, h('div', {}, h('h2', {}, t('settings.limits')), h('p', { class: 'soft small' }, t('settings.limitsAbout')))),
    table({
      label: t('settings.limits'),
      rows: () => names,
      keyOf: (name) => name,
      columns: [
        { title: t('settings.column.command'), cell: (name) => h('code', {}, breakable(name)) },
        { title: t('settings.column.does'), narrow: true, cell: (name) => command(name)?.title ?? t('settings.total') },
        {
          title: t('settings.column.default'),
          number: true,
          cell: (name) => {
            const row = command(name);
            return row ? count(row.per_second) : t('settings.noLimit');
          },
        },
        { title: t('settings.column.now'), number: true, cell: (name) => count(stored.limits[name]) },
        { title: t('settings.column.new'), cell: input },
      ],
      empty: () => '',
    }));
}

/** @param {Draft} draft @param {Wrong} wrong @param {string} name @param {string} label @param {import('../../ui/dom.js').Child} below */
function numberField(draft, wrong, name, label, below) {
  return textField(label, draft[name], { inputmode: 'numeric', ...validity(wrong, name) }, [below, problem(wrong, name)]);
}

/** @param {Draft} draft @param {Wrong} wrong */
export function sizes(draft, wrong) {
  return card(t('settings.sizes'),
    numberField(draft, wrong, 'location_bytes_max', t('settings.location'), hint(t('settings.locationHint'))),
    numberField(draft, wrong, 'custom_fields_max', t('settings.fields'), hint(t('settings.fieldsHint'))));
}

/** @param {Draft} draft @param {Wrong} wrong */
export function cloudVariants(draft, wrong) {
  const period = () => {
    const seconds = draft.reimport_after.value;
    return /^[1-9]\d*$/.test(seconds) ? t('settings.reimportFor', { time: duration(Number(seconds) * 1000) }) : t('settings.reimportNow');
  };
  return card(t('settings.variants'),
    h('p', { class: 'soft small' }, t('settings.variantsAbout')),
    toggle(draft, 'echo_unknown'),
    toggle(draft, 'deletion_forbidden'),
    numberField(draft, wrong, 'reimport_after', t('settings.reimport'), h('span', { class: 'soft small' }, period)),
    selectField(
      t('settings.sensitive'),
      draft.sensitive_code,
      () => [['40005', t('settings.sensitive40005')], ['80001', t('settings.sensitive80001')]],
    ));
}
