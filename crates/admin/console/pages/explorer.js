// The API explorer: every command of /v4 as a form and as JSON, sent for real, with the answer explained.

import * as api from '../api.js';
import { address, keepAddress } from '../app.js';
import { currentApp, isDev, needs, reference } from '../state.js';
import { jsonEditor } from '../ui/code.js';
import { effect, h, listen } from '../ui/dom.js';
import { selectField, tabs, textField } from '../ui/field.js';
import { bodyText, pretty } from '../ui/json.js';
import { attempt } from '../ui/page.js';
import { t } from '../i18n/language.js';
import { answerCard } from './explorer/answer.js';
import { examplesOf } from './explorer/forms.js';
import { bodyForm } from './explorer/form.js';
import { USERSIGS, bodyTab, command, draftOf, fill, given, identifier, recall, roleFor, send, sending, sentCalls, showRecorded, usersig } from './explorer/state.js';

/** Every command, in the page's language. */
const commands = () => reference.value?.commands ?? [];

/** Whether a chip was used: the page is rebuilt, and the focus returns to the chips. */
let chipUsed = false;

/**
 * @param {{ app: number, rest: string, query: URLSearchParams }} page `rest` is the command; `query` may hold `body` and
 *   `identifier`, and `id`, the request of a recorded call
 */
export default function explorer({ app, rest, query }) {
  const known = commands().some(({ name }) => name === rest);
  if (known) command.value = rest;
  const draft = draftOf(app, command.peek());
  fill(draft, query.get('body'), query.get('identifier'));
  const before = draft.sent.peek();
  const id = query.get('id');
  if (id !== null) showRecorded(draft, id);
  // Out of the address: what is typed later must not be lost when the page is built again, in another language for example.
  if (String(query) !== '') keepAddress('explorer', draft.command);
  const row = () => /** @type {Schema<'CommandView'>} */ (commands().find(({ name }) => name === draft.command));
  /** @type {HTMLElement} */
  let shown;
  const page = h('div', {},
    h('div', { class: 'head' }, h('div', {},
      h('h1', {}, t('page.explorer')), h('p', { class: 'soft' }, t(isDev() ? 'explorer.lead' : 'explorer.lead.prod')))),
    !isDev() && h('div', { class: 'note warn' }, h('b', {}, t('explorer.prod')), t('explorer.prod.note')),
    rest !== '' && !known && h('div', { class: 'note warn', role: 'alert' }, t('explorer.unknown', { name: rest })),
    h('nav', { class: 'chips commands', 'aria-label': t('explorer.commands') }, () => commands().map(chip)),
    () => h('div', { class: 'split' }, requestCard(draft, row()), shown = answerCard(draft, row())));
  effect(() => {
    const sent = draft.sent.value;
    // On a phone the answer is below the request.
    if (sent === null || sent === before || !matchMedia('(max-width: 900px)').matches) return;
    requestAnimationFrame(() => shown.scrollIntoView({ block: 'start' }));
  });
  listen(document, 'keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || document.querySelector('dialog')) return;
    event.preventDefault();
    void send(draft);
  });
  if (chipUsed) requestAnimationFrame(() => page.querySelector('.chips [aria-current="true"]')?.focus());
  chipUsed = false;
  return page;
}

/** @param {{ name: string, title: string }} row */
function chip({ name, title }) {
  const current = () => (command.value === name ? 'true' : null);
  return h('a', { href: address('explorer', name), 'aria-current': current, title, onclick: () => (chipUsed = true) },
    name, ' ', h('span', { class: 'chip-title' }, title));
}

// The left half of the explorer: who calls, and with which body.

/** @param {import('./explorer/state.js').Draft} draft @param {{ title: string, path: string }} command */
function requestCard(draft, { title, path }) {
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
        }), () => t(sending.value ? 'sending' : 'explorer.send'), h('kbd', {}, 'Ctrl ⏎'))),
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

/** @param {import('./explorer/state.js').Draft} draft */
function jsonPart({ text }) {
  return h('div', { class: 'stack' },
    jsonEditor(text, t('explorer.json_label')),
    h('div', { class: 'row' }, h('button', { type: 'button', onclick: () => (text.value = pretty(text.peek())) }, t('explorer.indent'))));
}

/** @param {import('./explorer/state.js').Draft} draft */
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
  const text = (/** @type {import('./explorer/state.js').Sent} */ { at, command, code }) =>
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
