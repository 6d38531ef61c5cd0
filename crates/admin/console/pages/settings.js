// An app's settings: one form, and one change of what differs.

import * as api from '../api.js';
import { appChanged, needs } from '../state.js';
import { computed, h, signal } from '../ui/dom.js';
import { confirm } from '../ui/dialog.js';
import { diff } from '../ui/diff.js';
import { onCtrlEnter } from '../ui/keys.js';
import { loaded, sentence } from '../ui/load.js';
import { toast } from '../ui/toast.js';
import { t } from '../i18n/language.js';
import { changes, draftOf, memberIn, problems } from './settings/draft.js';
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
        h('button', needs('admin', { class: 'primary', disabled: blocked }), t('settings.save'))),
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
    action: t('settings.save'),
  });
  return true;
}
