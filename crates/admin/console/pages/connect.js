// Connect: how a program is led to this emulator, by commands, in its code, and with certificates that it trusts.

import * as api from '../api.js';
import { address } from '../app.js';
import { textBlock } from '../ui/code.js';
import { h, signal } from '../ui/dom.js';
import { tabs } from '../ui/field.js';
import { quoted } from '../ui/format.js';
import { copyButton, loaded } from '../ui/page.js';
import { t } from '../i18n/language.js';
import { SNIPPETS } from './connect/snippets.js';

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

// The commands that lead a program to this emulator.

/** What the command line takes for the emulator's address when none is given. */
const USUAL_URL = 'http://127.0.0.1:8080';

/** @param {string} url */
const forUrl = (url) => (url === USUAL_URL ? '' : ` --url ${url}`);
/** Sets the environment of a shell. @param {string} url */
const envCommand = (url) => `eval "$(portraitd env${forUrl(url)})"`;
const RUN_COMMAND = 'portraitd run -- YOUR COMMAND';

/** Leads a shell to this emulator, for a list in which nothing is yet. (`portraitd run` starts an emulator of its own.) */
export function firstCommand() {
  return loaded(api.environment, ({ url }) => h('div', { class: 'stack' },
    h('p', {}, t('connect.env')), textBlock(envCommand(url))));
}

// How each language trusts the certificate of an emulator that serves HTTPS.

/** The variables that `portraitd env` prints, and who reads them. @param {string} directory @returns {[string, string][]} */
const variables = (directory) => [
  ['OpenSSL, Go, Ruby, Rust, C#', `SSL_CERT_FILE=${quoted(`${directory}/bundle.pem`)}`],
  ['Python (requests)', `REQUESTS_CA_BUNDLE=${quoted(`${directory}/bundle.pem`)}`],
  ['Node.js', `NODE_EXTRA_CA_CERTS=${quoted(`${directory}/ca.pem`)}`],
  ['curl', `CURL_CA_BUNDLE=${quoted(`${directory}/bundle.pem`)}`],
  ['PHP', `PHP_INI_SCAN_DIR=${quoted(`:${directory}/php`)}`],
  ['Java', `JAVA_TOOL_OPTIONS=${quoted(`-Djavax.net.ssl.trustStore=${directory}/truststore.jks`)}`],
];

/** @param {string} certificates their directory */
function trust(certificates) {
  return h('section', { class: 'card' },
    h('header', {}, h('h2', {}, t('connect.trust'))),
    h('div', { class: 'body stack' },
      h('p', { class: 'soft' }, t('connect.trust_about')),
      variables(certificates).map(([who, line]) => h('div', {}, h('div', { class: 'small soft' }, who), textBlock(`export ${line}`))),
      h('p', { class: 'soft' }, t('connect.trust_more')), textBlock(`portraitd cert --certificates ${quoted(certificates)}`)));
}
