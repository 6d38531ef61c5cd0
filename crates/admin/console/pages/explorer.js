// The API explorer: every command of /v4 as a form and as JSON, sent for real, with the answer explained.

import { effect, h, listen } from '../ui/dom.js';
import { address, keepAddress } from '../app.js';
import { isDev, reference } from '../state.js';
import { t } from '../i18n/language.js';
import { answerCard } from './explorer/answer.js';
import { showRecorded } from './explorer/recorded.js';
import { requestCard } from './explorer/request.js';
import { send } from './explorer/send.js';
import { command, draftOf, fill } from './explorer/state.js';

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
