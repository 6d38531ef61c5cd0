// Connect: how a program is led to this emulator.

import * as api from '../api.js';
import { address } from '../app.js';
import { t } from '../i18n/language.js';
import { copyButton } from '../ui/clipboard.js';
import { textBlock } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { loaded } from '../ui/load.js';
import { tabs } from '../ui/tabs.js';
import { envCommand, RUN_COMMAND } from './connect/commands.js';
import { SNIPPETS } from './connect/snippets.js';
import { trust } from './connect/trust.js';

/** @param {{ app: number }} page */
export default function connectPage({ app }) {
  return h('div', {},
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, t('page.connect')), h('p', { class: 'soft' }, t('connect.about')))),
    loaded(api.environment, (environment) => h('div', { class: 'split' },
      h('div', {}, credentials(environment, app), commands(environment), recipes()),
      h('div', {}, baseUrl(environment), environment.certificates && trust(environment.certificates)))));
}

/** @param {Environment} environment @param {number} app */
function credentials(environment, app) {
  // The emulator tells the key of the app that it made at its start; of no other.
  const known = environment.sdkappid === app;
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.values'))),
    h('div', { class: 'body' }, h('dl', { class: 'pairs' },
      value('URL', environment.url),
      environment.tls_url && value('HTTPS', environment.tls_url),
      environment.proxy_url && value(t('connect.proxy'), environment.proxy_url),
      value('SDKAppID', String(app)),
      known ? secret(t('connect.key'), environment.key) : [
        h('dt', {}, t('connect.key')),
        h('dd', {}, t('connect.key_unknown'), ' ', h('a', { href: address('keys') }, t('page.keys'))),
      ],
      known && value(t('connect.admin'), environment.admin),
      known && secret('UserSig', environment.usersig))));
}

/** @param {string} name @param {string} text */
function value(name, text) {
  return [h('dt', {}, name), h('dd', { class: 'row' }, h('code', { class: 'grow' }, text), copyButton(() => text))];
}

/** A value that is shown on request: screens are shared. @param {string} name @param {string} text */
function secret(name, text) {
  const open = signal(false);
  return [h('dt', {}, name), h('dd', { class: 'row' },
    h('code', { class: 'grow' }, () => (open.value ? text : `••••••••${text.slice(-4)}`)),
    h('button', {
      'aria-pressed': () => String(open.value), 'aria-label': t('connect.show_what', { name }), onclick: () => (open.value = !open.value),
    }, t('connect.show')),
    copyButton(() => text))];
}

/** @param {Environment} environment */
function commands({ url }) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.commands'))),
    h('div', { class: 'body stack' },
      h('p', {}, t('connect.run')), textBlock(RUN_COMMAND),
      h('p', {}, t('connect.env')), textBlock(envCommand(url)),
      h('p', {}, t('connect.proxy_about')), textBlock('portraitd dev --proxy')));
}

/** @param {Environment} environment */
function baseUrl({ url }) {
  const chosen = signal(SNIPPETS[0].id);
  const shown = tabs(t('connect.languages'), chosen,
    SNIPPETS.map(({ id, name, code }) => ({ id, title: () => name, content: () => textBlock(code(url)) })));
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.base'))),
    h('div', { class: 'body stack' }, h('p', { class: 'soft' }, t('connect.base_about')), shown.list, shown.panel));
}

function recipes() {
  const names = ['php', 'java', 'go', 'node', 'python', 'ruby', 'csharp', 'rust', 'webhook-receiver'];
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.recipes'))),
    h('div', { class: 'body' }, h('p', {}, t('connect.recipes_about')),
      h('p', {}, names.map((name) => [h('code', {}, `docs/recipes/${name}.md`), h('br')]))));
}
