// The left half of the explorer: who calls, and with which body.

import * as api from '../../api.js';
import { h } from '../../ui/dom.js';
import { jsonEditor } from '../../ui/editor.js';
import { selectField, textField } from '../../ui/field.js';
import { pretty } from '../../ui/json.js';
import { attempt } from '../../ui/load.js';
import { tabs } from '../../ui/tabs.js';
import { currentApp, needs } from '../../state.js';
import { t } from '../../i18n/language.js';
import { bodyForm } from './form.js';
import { examplesOf } from './examples.js';
import { USERSIGS, bodyTab, bodyText, fill, given, identifier, recall, sending, sentCalls, usersig } from './state.js';
import { roleFor, send } from './send.js';

/** @param {import('./state.js').Draft} draft @param {{ title: string, path: string }} command */
export function requestCard(draft, { title, path }) {
  const body = tabs(t('explorer.body'), bodyTab, [
    { id: 'form', title: () => t('explorer.form'), content: () => bodyForm(draft) },
    { id: 'json', title: () => 'JSON', content: () => jsonPart(draft) },
  ]);
  return h('section', { class: 'card' },
    h('header', {}, h('h2', { class: 'grow' }, title), historyPicker(draft.app)),
    h('div', { class: 'body stack' },
      h('div', { class: 'path-row' },
        h('div', { class: 'path' }, h('span', { class: 'badge good' }, 'POST'), h('code', {}, path)),
        h('button', needs(roleFor(draft.command), {
          class: 'primary', type: 'button', 'aria-disabled': () => String(sending.value), onclick: () => send(draft),
        }), () => t(sending.value ? 'explorer.sending' : 'explorer.send'), h('kbd', {}, 'Ctrl ⏎'))),
      h('div', { class: 'pair' }, callerField(), sigField()),
      () => usersig.value === 'given' && textField(t('explorer.given'), given),
      h('div', { class: 'row tab-row' }, body.list, h('span', { class: 'grow' }), examplePicker(draft)),
      body.panel));
}

function callerField() {
  return h('div', {},
    textField(t('explorer.caller'), identifier, { list: 'explorer-admins' }),
    h('datalist', { id: 'explorer-admins' }, () =>
      (currentApp()?.admins ?? []).map((/** @type {string} */ name) => h('option', { value: name }))));
}

function sigField() {
  return selectField(t('explorer.usersig'), usersig, () =>
    USERSIGS.map(([id, code]) => [id, t(`explorer.usersig.${id}`) + (code ? ` · ${code}` : '')]));
}

/** @param {import('./state.js').Draft} draft */
function jsonPart({ text }) {
  return h('div', { class: 'stack' },
    jsonEditor(text, t('explorer.json_label')),
    h('div', { class: 'row' }, h('button', { type: 'button', onclick: () => (text.value = pretty(text.peek())) }, t('explorer.indent'))));
}

/** @param {import('./state.js').Draft} draft */
function examplePicker(draft) {
  const examples = () => examplesOf(draft.command).filter(({ needsWord }) => !needsWord || (currentApp()?.words ?? 0) > 0);
  const text = (/** @type {{ id: string, code: number }} */ { id, code }) =>
    `${code === 0 ? 'OK' : code} · ${t(/** @type {any} */ (`explorer.example.${id}`))}`;
  const select = h('select', {
    'aria-label': t('explorer.example'),
    onchange: () => attempt(async () => {
      const example = examples().find(({ id }) => id === select.value);
      select.value = '';
      if (!example) return;
      const body = bodyText(example.body);
      const word = example.needsWord ? await firstWord(draft.app) : '';
      fill(draft, body.replace('WORD', () => word), example.identifier ?? currentApp()?.admins[0]);
    }),
  }, () => [
    h('option', { value: '' }, t('explorer.example')),
    examples().map((example) => h('option', { value: example.id }, text(example))),
  ]);
  return select;
}

/** A sensitive word of the app, as it stands in JSON. @param {number} app */
async function firstWord(app) {
  const word = (await api.words(app)).split('\n').find((line) => line.trim() !== '') ?? '';
  return JSON.stringify(word.trim()).slice(1, -1);
}

/** @param {number} app */
function historyPicker(app) {
  const mine = () => sentCalls.value.filter((sent) => sent.app === app);
  const text = (/** @type {import('./state.js').Sent} */ { at, command, code }) =>
    `${at.toTimeString().slice(0, 8)} ${command} · ${code === 0 ? 'OK' : code ?? t('code.none')}`;
  const select = h('select', {
    'aria-label': t('explorer.history'), disabled: () => mine().length === 0,
    onchange: () => {
      const sent = mine().find(({ number }) => String(number) === select.value);
      select.value = '';
      if (sent) recall(sent);
    },
  }, () => [
    h('option', { value: '' }, t('explorer.history_n', { n: mine().length })),
    mine().map((sent) => h('option', { value: sent.number }, text(sent))),
  ]);
  return select;
}
