// An app's settings: one form, and one change of what differs.

import * as api from '../api.js';
import { appChanged, needs } from '../state.js';
import { diff } from '../ui/code.js';
import { computed, h, signal } from '../ui/dom.js';
import { onCtrlEnter } from '../ui/field.js';
import { stringify } from '../ui/json.js';
import { confirm, loaded, sentence, toast } from '../ui/page.js';
import { t } from '../i18n/language.js';
import { callers, cloudVariants, general, limits, sizes } from './settings/cards.js';

/** @param {{ app: number }} address */
export default function settings({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.settings')), h('p', { class: 'soft' }, t('settings.about')))),
    loaded(() => api.showApp(app), (settings, reload) => form(settings, reload)));
}

/** @param {Schema<'AppView'>} stored @param {() => Promise<void>} reload */
function form(stored, reload) {
  const draft = draftOf(stored);
  const patch = computed(() => changes(stored, draft));
  const changed = () => Object.keys(patch.value).length > 0;
  /** What the server refused, until something is changed. */
  const refused = signal(/** @type {{ patch: Schema<'AppPatch'>, message: string } | null} */ (null));
  const refusal = () => (refused.value?.patch === patch.value ? refused.value : null);
  const wrong = computed(() => {
    const found = problems(draft);
    const message = refusal()?.message;
    const member = message && memberIn(message);
    if (member && !found[member]) found[member] = message;
    return found;
  });
  const blocked = () => !changed() || Object.keys(problems(draft)).length > 0;

  const save = async () => {
    if (blocked()) return;
    const sent = patch.peek();
    if (!(await agreed(sent))) return;
    try {
      const now = await api.changeApp(stored.sdkappid, sent);
      appChanged(now);
      toast(t('settings.saved'));
      await reload();
    } catch (error) {
      refused.value = { patch: sent, message: sentence(error) };
      queueMicrotask(() => element.querySelector('[aria-invalid="true"]')?.focus());
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void save();
  };
  const element = h('form', { novalidate: true, onsubmit: submit, onkeydown: onCtrlEnter(save) },
    general(draft, wrong), callers(draft, wrong), limits(stored, draft, wrong), sizes(draft, wrong), cloudVariants(draft, wrong),
    h('section', { class: 'card settings-save' },
      h('header', {},
        h('h2', { class: 'grow' }, () => (changed() ? t('settings.changes') : t('settings.unchanged'))),
        h('button', { type: 'button', disabled: () => !changed(), onclick: reload }, t('settings.undo')),
        h('button', needs('admin', { class: 'primary', disabled: blocked }), t('save'))),
      () => changed() && h('div', { class: 'body stack' },
        diff(before(stored, patch.value), patch.value),
        () => refusal() && h('div', { class: 'note bad', role: 'alert' }, h('b', {}, refusal()?.message)))));
  return element;
}

/** The members that a change replaces; of the limits those that it names. @param {Schema<'AppView'>} stored @param {Schema<'AppPatch'>} patch */
function before(stored, patch) {
  const old = Object.fromEntries(Object.keys(patch).map((member) => [member, stored[/** @type {keyof typeof stored} */ (member)]]));
  if (patch.limits) old.limits = Object.fromEntries(Object.keys(patch.limits).map((name) => [name, stored.limits[name]]));
  return old;
}

/** Asks before changes that can shut callers out. @param {Schema<'AppPatch'>} patch */
async function agreed(patch) {
  if (patch.enabled === false) return confirm({
    title: t('settings.disableTitle'),
    text: t('settings.disableText'),
    action: t('settings.disable'),
  });
  if (patch.allow_ips && patch.allow_ips.length > 0) return confirm({
    title: t('settings.networksTitle'),
    text: t('settings.networksText', { networks: patch.allow_ips.join(', ') }),
    action: t('save'),
  });
  return true;
}

// What the form of the settings holds, and how it differs from what is stored.

const SWITCHES = /** @type {const} */ (['enabled', 'self_service', 'echo_unknown', 'deletion_forbidden']);
/** The whole numbers, each with its least and its greatest value. @satisfies {Record<string, [number, number]>} */
const NUMBERS = {
  location_bytes_max: [1, 500],
  custom_fields_max: [0, 200],
  reimport_after: [0, 4294967295],
};
const LIMIT_MAX = 4294967295;
const NAME_BYTES_MAX = 100;

/**
 * @typedef {{ value: any, peek: () => any }} Value
 * @typedef {Record<string, Value> & { limits: Record<string, Value> }} Draft a signal for each setting
 */

/** @param {Schema<'AppView'>} stored @returns {Draft} */
function draftOf(stored) {
  /** @type {any} */
  const draft = { limits: {} };
  for (const name of SWITCHES) draft[name] = signal(stored[name]);
  for (const name of Object.keys(NUMBERS)) draft[name] = signal(String(stored[/** @type {keyof typeof NUMBERS} */ (name)]));
  for (const [name, limit] of Object.entries(stored.limits)) draft.limits[name] = signal(String(limit));
  draft.name = signal(stored.name);
  draft.allow_ips = signal(stored.allow_ips.join('\n'));
  draft.error_detail = signal(String(stored.error_detail));
  draft.sensitive_code = signal(String(stored.sensitive_code));
  return draft;
}

/** The settings as the form has them. @param {Draft} draft */
function wanted(draft) {
  /** @type {any} */
  const all = {
    name: draft.name.value,
    allow_ips: draft.allow_ips.value.split(/[\s,]+/).filter((/** @type {string} */ one) => one !== ''),
    error_detail: JSON.parse(draft.error_detail.value),
    sensitive_code: Number(draft.sensitive_code.value),
    limits: Object.fromEntries(Object.entries(draft.limits).map(([name, limit]) => [name, Number(limit.value)])),
  };
  for (const name of SWITCHES) all[name] = draft[name].value;
  for (const name of Object.keys(NUMBERS)) all[name] = Number(draft[name].value);
  return all;
}

/** The members that differ, as a PATCH takes them. @param {Schema<'AppView'>} stored @param {Draft} draft */
function changes(stored, draft) {
  const all = wanted(draft);
  const limits = Object.entries(all.limits).filter(([name, limit]) => limit !== stored.limits[name]);
  const members = Object.entries(all).filter(([name, value]) => name !== 'limits' && stringify(value) !== stringify(stored[/** @type {keyof typeof stored} */ (name)]));
  return Object.fromEntries(limits.length > 0 ? [...members, ['limits', Object.fromEntries(limits)]] : members);
}

/** What is wrong with the form, by member; a limit is `limits.NAME`. @param {Draft} draft @returns {Record<string, any>} */
function problems(draft) {
  /** @type {Record<string, any>} */
  const found = {};
  const check = (/** @type {string} */ member, /** @type {string} */ text, /** @type {number} */ min, /** @type {number} */ max) => {
    if (!/^\d{1,10}$/.test(text) || Number(text) < min || Number(text) > max) found[member] = t('settings.number', { min, max });
  };
  for (const [name, [min, max]] of Object.entries(NUMBERS)) check(name, draft[name].value, min, max);
  for (const [name, limit] of Object.entries(draft.limits)) check(`limits.${name}`, limit.value, 0, LIMIT_MAX);
  const bytes = new TextEncoder().encode(draft.name.value).length;
  if (bytes > NAME_BYTES_MAX) found.name = t('settings.nameLong', { bytes, max: NAME_BYTES_MAX });
  return found;
}

/** The member that the server's sentence names. @param {string} message */
function memberIn(message) {
  const members = [...Object.keys(NUMBERS), ...SWITCHES, 'allow_ips', 'error_detail', 'sensitive_code', 'name'];
  return members.find((member) => new RegExp(`\\b${member}\\b`).test(message)) ?? null;
}
