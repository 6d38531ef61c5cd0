// UserSigs: made for a user, and checked like the server checks those of calls.

import * as api from '../api.js';
import { h, signal } from '../ui/dom.js';
import { textBlock } from '../ui/code.js';
import { codeBadge, explanation } from '../ui/explain.js';
import { selectField, textField } from '../ui/field.js';
import { onCtrlEnter } from '../ui/keys.js';
import { attempt } from '../ui/load.js';
import { time } from '../ui/time.js';
import { clockChange, currentApp, may, needs } from '../state.js';
import { language, t } from '../i18n/language.js';

const HOUR = 3600;
const DAY = 24 * HOUR;
/** How long a UserSig may be valid: seconds, and the number and unit that name them. @type {[number, number, 'hour' | 'day'][]} */
const PERIODS = [[HOUR, 1, 'hour'], [DAY, 1, 'day'], [30 * DAY, 30, 'day'], [180 * DAY, 180, 'day']];
const OTHER = 'other';

/** @param {{ app: number }} page */
export default function usersig({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.usersig')), h('p', { class: 'soft' }, t('usersig.lead')))),
    h('div', { class: 'split' }, makeCard(app), checkCard(app)));
}

/** @param {(event: Event) => void} submit @param {...import('../ui/dom.js').Child} parts */
function form(submit, ...parts) {
  const made = h('form', {
    class: 'body stack',
    onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); submit(event); },
    onkeydown: onCtrlEnter(() => made.requestSubmit()),
  }, ...parts);
  return made;
}

/** @param {number} app */
function makeCard(app) {
  const user = signal('administrator');
  const period = signal(String(180 * DAY));
  const seconds = signal('');
  const userbuf = signal('');
  const result = signal(/** @type {{ usersig: string, expires: number } | null} */ (null));
  const make = () => attempt(async () => {
    result.value = null;
    const expire = Number(period.value === OTHER ? seconds.value : period.value);
    result.value = await api.makeUserSig(app, { identifier: user.value, expire, userbuf: userbuf.value || null });
  });
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('usersig.make'))),
    form(make,
      h('div', { class: 'pair' },
        textField(t('usersig.user'), user, { required: true, list: 'usersig-admins' }),
        selectField(t('usersig.period'), period, () => [
          ...PERIODS.map(([value, n, unit]) => /** @type {[string, string]} */ ([String(value), t(`usersig.${unit}s`, { n })])),
          [OTHER, t('usersig.other')],
        ])),
      h('datalist', { id: 'usersig-admins' }, () =>
        (currentApp()?.admins ?? []).map((name) => h('option', { value: name }))),
      () => period.value === OTHER && textField(t('usersig.seconds'), seconds, { type: 'number', min: '1', required: true }),
      textField(t('usersig.userbuf'), userbuf),
      h('div', { class: 'row' }, h('button', needs('operator', { class: 'primary' }), t('usersig.make.action'))),
      h('div', { role: 'status' }, () => result.value && h('div', { class: 'stack' },
        textBlock(result.value.usersig),
        h('p', { class: 'soft small' }, t('usersig.until'), ' ', time(result.value.expires * 1000), ' · ', t('usersig.secret'))))));
}

/** @param {number} app */
function checkCard(app) {
  const text = signal('');
  const identifier = signal('');
  const result = signal(/** @type {Schema<'CheckedSig'> | null} */ (null));
  const check = () => attempt(async () => {
    result.value = null;
    if (text.value.trim() === '') return;
    result.value = await api.checkUserSig(app, { usersig: text.value.trim(), identifier: identifier.value || null });
  });
  const area = h('textarea', {
    class: 'code', rows: '4', spellcheck: 'false', autocapitalize: 'off', required: true, value: () => text.value,
    oninput: (/** @type {any} */ event) => (text.value = event.target.value),
    // What is pasted is whole, and is checked at once.
    onpaste: () => may('operator') && setTimeout(check),
  });
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('usersig.check'))),
    form(check,
      h('label', { class: 'field' }, h('span', {}, t('usersig.text')), area),
      textField(t('usersig.identifier'), identifier),
      h('div', { class: 'row' }, h('button', needs('operator', { class: 'primary' }), t('usersig.check.action'))),
      h('div', { role: 'status' }, () => result.value && verdict(result.value))));
}

/** @param {Schema<'CheckedSig'>} checked */
function verdict({ code, reason, warnings, fields }) {
  return h('div', { class: 'stack' },
    h('div', { class: 'row' }, codeBadge(code)),
    code === 0
      ? h('div', { class: 'note good' }, h('b', {}, t('usersig.valid')), fields && distance(fields.expires))
      : explanation(code, reason),
    warnings.map((warning) => h('div', { class: 'note warn' }, warning)),
    fields && fieldList(fields));
}

/** @param {Schema<'SigFields'>} fields */
function fieldList(fields) {
  const key = currentApp()?.keys.find(({ id }) => id === fields.key);
  const pair = (/** @type {string} */ name, /** @type {import('../ui/dom.js').Child} */ value) => [h('dt', {}, name), h('dd', {}, value)];
  return h('dl', { class: 'pairs' },
    pair('SDKAppID', h('code', {}, fields.sdkappid)),
    pair('UserID', h('code', {}, fields.identifier)),
    pair(t('usersig.issued'), time(fields.issued * 1000)),
    pair(t('usersig.expires'), [time(fields.expires * 1000), ' · ', distance(fields.expires)]),
    pair(t('usersig.key'), fields.key === null ? t('usersig.key.none') : t('usersig.key.one', { id: fields.key, last4: key?.last4 ?? '' })),
    fields.userbuf !== null && pair('userbuf', [h('code', {}, fields.userbuf), h('div', { class: 'soft' }, decoded(fields.userbuf))]));
}

/** What base64 stands for, as text. @param {string} base64 */
function decoded(base64) {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0)));
  } catch {
    return '?';
  }
}

/** How far a time is from the server's now. @param {number} seconds Unix seconds */
function distance(seconds) {
  const change = clockChange.value;
  const now = change?.frozen ? change.now_ms : Date.now() + (change?.ahead_ms ?? 0);
  const left = seconds - now / 1000;
  const units = /** @type {[number, Intl.RelativeTimeFormatUnit][]} */ ([[DAY, 'day'], [HOUR, 'hour'], [60, 'minute']]);
  const [size, unit] = units.find(([one]) => Math.abs(left) >= 2 * one) ?? [1, 'second'];
  return new Intl.RelativeTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB').format(Math.trunc(left / size), unit);
}
