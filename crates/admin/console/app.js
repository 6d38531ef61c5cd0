// The shell: who is signed in, the top bar, the menu, and the page that the address names.
//
// Addresses: #/APP/PAGE/REST. The cloud's own form, #v4/profile/portrait_set, opens that call in the explorer.

import * as api from './api.js';
import { activeFaults, appNumber, apps, clockChange, isDev, loadApps, loadReference, may } from './state.js';
import { calls, restartStream, startStream } from './stream.js';
import { chooseLanguage, language, t } from './i18n/language.js';
import { computed, effect, h, listen, signal, untracked } from './ui/dom.js';
import { attempt, failure, sentence } from './ui/page.js';

const THEME = 'portraitd.theme';
/** @typedef {{ id: string, dev?: boolean, key?: string }} PageRow */
/** The menu: groups of pages. @type {[string, PageRow[]][]} */
const MENU = [
  ['develop', [{ id: 'explorer', key: 'e' }, { id: 'calls', dev: true, key: 'c' }, { id: 'usersig' }, { id: 'inbox', dev: true }, { id: 'faults', dev: true, key: 'f' }, { id: 'connect', dev: true }]],
  ['app', [{ id: 'users', key: 'u' }, { id: 'fields' }, { id: 'words' }, { id: 'keys' }, { id: 'settings' }, { id: 'webhook' }, { id: 'transfer' }]],
  ['server', [{ id: 'overview', key: 'o' }, { id: 'apps' }, { id: 'tokens' }, { id: 'audit' }, { id: 'backup' }]],
];
const PAGES = MENU.flatMap(([, pages]) => pages);

const route = signal(readRoute());
const started = signal(/** @type {unknown} */ (undefined));
const menuOpen = signal(false);
const theme = signal(localStorage.getItem(THEME) ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));

function readRoute() {
  const hash = location.hash.slice(1);
  if (hash.startsWith('v4/')) return { page: 'explorer', rest: hash.split('/').slice(2).join('/'), query: new URLSearchParams() };
  const [path, query] = hash.replace(/^\//, '').split('?');
  const [number, page, ...rest] = path.split('/');
  if (/^\d+$/.test(number)) appNumber.value = Number(number);
  const known = PAGES.some(({ id }) => id === page);
  return { page: known ? page : 'explorer', rest: rest.map(decodePart).join('/'), query: new URLSearchParams(query ?? '') };
}

function decodePart(/** @type {string} */ part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, of the app that is looked at. @param {string} page @param {string} [rest] @param {number} [app] another */
export function address(page, rest, app = appNumber.value) {
  return `#/${app}/${page}${rest === undefined ? '' : `/${encodeURIComponent(rest)}`}`;
}

/**
 * Puts another address in the place of that of the open page, which stays as it is: a row was chosen in it, for example.
 * @param {string} page @param {string} [rest]
 */
export function keepAddress(page, rest) {
  history.replaceState(null, '', address(page, rest));
  Object.assign(route.peek(), readRoute());
}

async function start() {
  await useTicket();
  // A second answer would build the page again, without what was typed meanwhile.
  if (!api.session.peek()) await api.signIn();
}

/** Signs in with the ticket in the address, if there is one. */
async function useTicket() {
  const ticket = /^login=(pl_\w+)$/.exec(location.hash.slice(1));
  if (!ticket) return;
  // Out of the address, and so of the history, before it is used.
  history.replaceState(null, '', location.pathname);
  route.value = readRoute();
  await api.beginSession(ticket[1]).catch((error) => (signInProblem.value = refusal(error, 'login.link')));
}

async function signedIn() {
  await Promise.all([loadApps(), loadReference()]);
  if (isDev()) startStream();
  // An operator who signs in to a production server comes to look, not to make a call; to a new one, to make its first app.
  else if (location.hash === '') {
    history.replaceState(null, '', address(apps.peek().length === 0 ? 'apps' : 'overview'));
    route.value = readRoute();
  }
}

const signInProblem = signal('');

/** What to say of a sign-in that failed. @param {unknown} error @param {'login.link' | 'login.refused'} refused */
function refusal(error, refused) {
  return error instanceof api.ApiError && error.status === 401 ? t(refused) : sentence(error);
}

/** Where a token or a link that signs in comes from. DATA is the server's data directory. */
const LOGIN_WAYS = /** @type {const} */ ([
  ['first', 'DATA/admin.token'], ['link', 'portraitd console --data DATA'], ['token', 'portraitd token create NAME --data DATA'],
]);

function signInPage() {
  const token = h('input', { type: 'password', autocomplete: 'current-password', name: 'token', 'aria-label': t('login.token') });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await api.beginSession(token.value.trim());
      signInProblem.value = '';
    } catch (error) {
      signInProblem.value = refusal(error, 'login.refused');
      token.focus();
    }
  };
  return h('main', { class: 'login' },
    h('div', { class: 'row' }, brand(), h('span', { class: 'grow' }), languageButton(), themeButton()),
    h('section', { class: 'card' },
      h('header', {}, h('h1', {}, t('login.title'))),
      h('form', { class: 'body stack', onsubmit: submit },
        h('label', { class: 'field' }, h('span', {}, t('login.token')), token),
        () => signInProblem.value && h('div', { class: 'note bad', role: 'alert' }, signInProblem.value),
        h('div', { class: 'row' }, h('button', { class: 'primary' }, t('login.enter'))),
        h('dl', { class: 'small stack login-ways' }, LOGIN_WAYS.map(([way, text]) =>
          h('div', {}, h('dt', { class: 'soft' }, t(`login.where.${way}`)), h('dd', {}, h('code', {}, text))))))));
}

function brand() {
  return h('a', { class: 'brand', href: address('explorer'), 'aria-label': 'portraitd' }, h('img', { src: new URL('icon.svg', import.meta.url).href, alt: '' }), h('span', {}, 'portraitd'));
}

function languageButton() {
  const other = language.value === 'zh' ? 'en' : 'zh';
  return h('button', { class: 'plain', lang: other === 'zh' ? 'zh-CN' : 'en', onclick: () => attempt(async () => { await chooseLanguage(other); restartStream(); }) }, other === 'zh' ? '中文' : 'English');
}

function themeButton() {
  return h('button', { class: 'plain', 'aria-label': t('theme'), onclick: () => (theme.value = theme.value === 'dark' ? 'light' : 'dark') }, () => (theme.value === 'dark' ? '☀' : '☾'));
}

/** Which of several servers on one database answered the sign-in. */
function nodeBadge() {
  const node = api.session.value?.node;
  if (!node) return null;
  return h('span', { class: 'badge hide-narrow', title: t('top.nodeAbout', node) }, t('top.node', node));
}

function topBar() {
  const picker = h('select', { 'aria-label': t('app'), onchange: () => { appNumber.value = Number(picker.value); location.hash = address(route.value.page); } },
    () => apps.value.map((app) => h('option', { value: app.sdkappid, selected: app.sdkappid === appNumber.value }, `${app.sdkappid}${app.name ? ` · ${app.name}` : ''}`)));
  return h('header', { class: 'top' },
    h('a', { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => { event.preventDefault(); document.getElementById('main')?.focus(); } }, t('skip')),
    h('button', { class: 'menu', 'aria-label': t('menu'), 'aria-expanded': () => String(menuOpen.value), onclick: () => (menuOpen.value = !menuOpen.value) }, '☰'),
    brand(),
    () => isDev() ? h('span', { class: 'badge good' }, 'DEV') : h('span', { class: 'badge bad' }, 'PROD'),
    () => nodeBadge(),
    () => apps.value.length > 0 && picker,
    h('span', { class: 'gap' }),
    () => !may('admin') && h('span', { class: 'badge hide-narrow', title: roleText('may.') }, roleText()),
    () => activeFaults.value > 0 && notice(`⚡ ${activeFaults.value}`, t('top.faults', { n: activeFaults.value })),
    () => clockChange.value && notice('◷', t('top.clock')),
    languageButton(),
    themeButton(),
    () => api.session.value && !api.session.value.without_token &&
      h('button', { class: 'plain', title: api.session.value.who, onclick: api.endSession }, t('sign.out')));
}

/** The caller's role, or what it may do. @param {'' | 'may.'} [what] */
function roleText(what = '') {
  return t(/** @type {any} */ (`role.${what}${api.session.value?.role}`));
}

/** A link to what is unusual about the emulator; a phone has room for a sign. @param {string} sign @param {string} text */
function notice(sign, text) {
  return h('a', { class: 'badge warn', href: address('faults'), 'aria-label': text },
    h('span', { class: 'hide-narrow' }, text), h('span', { class: 'show-narrow' }, sign));
}

function menu() {
  const link = (/** @type {PageRow} */ { id, dev }) => () =>
    (!dev || isDev()) &&
    h('a', { href: address(id), 'aria-current': () => (route.value.page === id ? 'page' : null), onclick: () => (menuOpen.value = false) },
      t(/** @type {any} */ (`page.${id}`)),
      id === 'calls' && (() => calls.value.length > 0 && h('span', { class: 'badge' }, calls.value.length)));
  return h('nav', { class: () => (menuOpen.value ? 'side open' : 'side'), 'aria-label': t('menu') },
    MENU.map(([group, pages]) => [h('h2', {}, t(/** @type {any} */ (`group.${group}`))), pages.map(link)]));
}

/** The page that the address names; loaded when it is first opened. A failure in one page leaves the others alone. */
function content() {
  const shown = signal(/** @type {import('./ui/dom.js').Child} */ (null));
  effect(() => {
    const wanted = route.value;
    const { page, rest, query } = wanted;
    const app = appNumber.value;
    if (!PAGES.find(({ id, dev }) => id === page && (!dev || isDev()))) {
      shown.value = h('div', { class: 'empty' }, t('page.none'));
      return;
    }
    const current = () => wanted === route.peek();
    import(`./pages/${page}.js`).then(
      (module) => current() && (shown.value = () => untracked(() => guarded(() => module.default({ app, rest, query })))),
      (error) => current() && (shown.value = failure(error, () => location.reload())),
    );
    document.title = `${t(/** @type {any} */ (`page.${page}`))} · portraitd`;
  });
  // A page that changes an app's settings must not be rebuilt by that.
  const noApps = computed(() => apps.value.length === 0);
  // A phone has no room for it in the top bar, and no pointer that rests on a disabled button.
  const reason = () => !may('admin') && h('p', { class: 'show-narrow soft small' }, t('role.line', { role: roleText(), may: roleText('may.') }));
  return h('main', { id: 'main', tabindex: '-1' }, reason, () => (noApps.value && route.value.page !== 'apps' && !['tokens', 'audit', 'backup', 'overview'].includes(route.value.page)
    ? h('div', { class: 'empty' }, t('app.none'), ' ', h('a', { href: address('apps') }, t('page.apps')), ' · ', h('code', {}, 'portraitd app create 1400000000'))
    : shown.value));
}

/** @param {() => Node} make */
function guarded(make) {
  try {
    return make();
  } catch (error) {
    console.error(error);
    return failure(error);
  }
}

function shell() {
  return h('div', {}, topBar(), h('div', { class: 'shell' }, menu(), content()));
}

listen(window, 'hashchange', () => {
  menuOpen.value = false;
  route.value = readRoute();
  void useTicket();
});
let goes = false;
listen(document, 'keydown', (/** @type {KeyboardEvent} */ event) => {
  if (event.key === 'Escape') menuOpen.value = false;
  const typing = /** @type {HTMLElement} */ (event.target).closest('input, textarea, select, dialog, [contenteditable]');
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = goes && PAGES.find(({ key, dev }) => key === event.key && (!dev || isDev()));
  if (page) location.hash = address(page.id);
  if (event.key === '/') {
    const filter = /** @type {HTMLElement | null} */ (document.querySelector('[data-filter]'));
    if (filter) event.preventDefault();
    filter?.focus();
  }
  goes = event.key === 'g';
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(THEME, theme.value);
});
effect(() => {
  const wanted = language.value;
  document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : 'en';
  if (api.session.peek()) untracked(() => loadReference().catch(() => {}));
});
effect(() => {
  if (!api.session.value) return;
  untracked(() => signedIn().then(() => (started.value = true), (error) => (started.value = error)));
});

const root = document.body.appendChild(h('div', {}));
effect(() => {
  void language.value;
  if (api.signedOut.value) root.replaceChildren(untracked(signInPage));
  else if (started.value === true) root.replaceChildren(untracked(shell));
  else if (started.value !== undefined) root.replaceChildren(failure(started.value, () => location.reload()));
});
start().catch((error) => (started.value = error));
