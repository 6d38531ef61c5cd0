// The call that is being written, as a program in the language of one's choice.

import * as api from '../../api.js';
import { BASE, session } from '../../api.js';
import { h, signal } from '../../ui/dom.js';
import { textBlock } from '../../ui/code.js';
import { checkField, textField } from '../../ui/field.js';
import { isDev } from '../../state.js';
import { t } from '../../i18n/language.js';
import { SNIPPETS, VARIABLE } from './snippets.js';
import { given, identifier, usersig } from './state.js';

const KEPT = 'portraitd.code';
/** How long a copied UserSig is valid, in seconds. */
const COPIED_EXPIRE = 24 * 3600;
/** What stands for the UserSig until the text is shown; nothing has to be escaped in it. */
const MASK = 'eJw-MASKED-USERSIG';

const chosen = signal(localStorage.getItem(KEPT) ?? 'curl');
const environment = signal(false);
/** Where the program finds the public API. An emulator's is where this page is; a server's is another listener. */
const server = signal(isDev() ? location.origin + BASE.replace(/\/$/, '') : (session.peek()?.public_url ?? ''));

/** @param {import('./state.js').Draft} draft @param {string} path */
export function codePart({ app, text }, path) {
  const snippet = () => SNIPPETS.find(({ id }) => id === chosen.value) ?? SNIPPETS[0];
  const write = (/** @type {string} */ sig) => snippet().write({
    server: server.value.trim().replace(/\/+$/, ''), path, app, identifier: identifier.value,
    usersig: usersig.value === 'none' ? null : sig, environment: environment.value, body: text.value,
  });
  const whole = async () => {
    if (environment.value || usersig.value === 'none') return write('');
    if (usersig.value === 'given') return write(given.value.trim());
    return write((await api.makeUserSig(app, { identifier: identifier.value, expire: COPIED_EXPIRE })).usersig);
  };
  const choose = (/** @type {string} */ id) => {
    localStorage.setItem(KEPT, id);
    chosen.value = id;
  };
  const note = () => {
    if (usersig.value === 'none') return t('explorer.code.none');
    if (environment.value) return t('explorer.code.environment_note', { variable: VARIABLE });
    return t(usersig.value === 'given' ? 'explorer.code.given' : 'explorer.code.masked');
  };
  return h('div', { class: 'stack' },
    h('div', { class: 'row', role: 'group', 'aria-label': t('explorer.code.language') }, SNIPPETS.map(({ id, title }) =>
      h('button', { type: 'button', 'aria-pressed': () => String(chosen.value === id), onclick: () => choose(id) }, title))),
    h('div', { class: 'pair' },
      textField(t('explorer.code.server'), server),
      h('div', { class: 'row low' }, checkField(t('explorer.code.environment', { variable: VARIABLE }), environment))),
    () => textBlock(write(MASK).replaceAll(MASK, 'eJw…'), whole),
    h('p', { class: 'soft small' }, () => [
      t('explorer.code.run', { file: snippet().file }), ' ', h('code', {}, snippet().run), ' · ', note(),
    ]));
}
