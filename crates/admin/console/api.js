// The admin API and the control API, one function for each operation. Nothing else in the console makes requests, but the
// live stream. `Answer`, `RequestBody`, `Query` and `Schema` are the types of the admin API's OpenAPI document, by operation, and
// `RecordedCall` and the like those of the control API; the tests have them.

import { parse } from './ui/json.js';
import { signal } from './ui/dom.js';
import { language, t } from './i18n/language.js';

/** The path that a proxy serves portraitd below, with a final slash. */
export const BASE = new URL('..', location.href.split('#')[0]).pathname;
const SESSION = 'portraitd.session';

/** The caller that is signed in; null before that is known, and after signing out. */
export const session = signal(/** @type {Schema<'SessionView'> | null} */ (null));
/** Whether the server wants a token that this tab does not have. */
export const signedOut = signal(false);

/** An answer that is not a success: its status, and a sentence for people. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Makes a request below the base path.
 * @param {string} method @param {string} path
 * @param {{ body?: any, text?: string, type?: string, bearer?: string | null, signal?: AbortSignal }} [options]
 */
export async function request(method, path, options = {}) {
  const bearer = options.bearer === undefined ? sessionStorage.getItem(SESSION) : options.bearer;
  /** @type {Record<string, string>} */
  const headers = { 'Accept-Language': language.peek() };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const body = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  if (body !== undefined) headers['Content-Type'] = options.type ?? 'application/json';
  let response;
  try {
    response = await fetch(BASE + path, { method, headers, body, signal: options.signal, cache: 'no-store' });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable');
  }
  if (response.ok) return response;
  const text = await response.text();
  if (response.status === 401 && options.bearer === undefined) forget();
  let sentence = text;
  try {
    sentence = JSON.parse(text).error ?? text;
  } catch {
    // Not JSON: a proxy's own page, most likely.
  }
  throw new ApiError(response.status, sentence.slice(0, 2000));
}

/** @param {string} method @param {string} path @param {any} [body] @returns {Promise<any>} */
async function json(method, path, body) {
  const text = await (await request(method, path, { body })).text();
  return text === '' ? null : parse(text);
}

/** @param {object} parameters */
function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length === 0 ? '' : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

const admin = (/** @type {string} */ path) => `admin/v1${path}`;
const app = (/** @type {number} */ number, /** @type {string} */ path = '') => admin(`/apps/${number}${path}`);
const control = (/** @type {string} */ path) => `_portraitd${path}`;
/** A text as one segment of a path. @param {string} text */
function segment(text) {
  // Browsers take these out of every path, also percent-encoded: the request would be one for something else.
  if (text === '.' || text === '..') throw new ApiError(400, t('path.dots', { text }));
  return encodeURIComponent(text);
}

// Sessions. Other tabs of this browser get the session from this one; a secret is never in an address for longer than it
// takes to read it.

const tabs = new BroadcastChannel('portraitd');
tabs.onmessage = (/** @type {MessageEvent} */ { data }) => {
  if (data === 'session?' && sessionStorage.getItem(SESSION)) tabs.postMessage({ session: sessionStorage.getItem(SESSION) });
  if (data?.session && !sessionStorage.getItem(SESSION)) {
    sessionStorage.setItem(SESSION, data.session);
    void signIn();
  }
  if (data === 'signed out') forget();
};

function forget() {
  sessionStorage.removeItem(SESSION);
  session.value = null;
  signedOut.value = true;
}

/** Finds out who this tab is, and asks other tabs for their session. */
export async function signIn() {
  try {
    session.value = await json('GET', admin('/session'));
    signedOut.value = false;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    tabs.postMessage('session?');
  }
}

/** Exchanges a token or a one-use ticket for a session. @param {string} secret */
export async function beginSession(secret) {
  const response = await request('POST', admin('/session'), { bearer: secret });
  sessionStorage.setItem(SESSION, (await response.json()).session);
  await signIn();
}

export async function endSession() {
  await json('DELETE', admin('/session')).catch(() => {});
  tabs.postMessage('signed out');
  forget();
}

// What the explorer needs.

/** @type {() => Answer<'get_reference'>} */
export const reference = () => json('GET', admin('/reference'));
/** @type {(code: number) => Answer<'get_reference_codes_code'>} */
export const codePage = (code) => json('GET', admin(`/reference/codes/${code}`));
/** @type {(app: number, call: RequestBody<'post_apps_app_try'>) => Answer<'post_apps_app_try'>} */
export const tryCall = (number, call) => json('POST', app(number, '/try'), call);
/** @type {(app: number, wanted: RequestBody<'post_apps_app_usersig'>) => Answer<'post_apps_app_usersig'>} */
export const makeUserSig = (number, wanted) => json('POST', app(number, '/usersig'), wanted);
/** @type {(app: number, given: RequestBody<'post_apps_app_usersig_check'>) => Answer<'post_apps_app_usersig_check'>} */
export const checkUserSig = (number, given) => json('POST', app(number, '/usersig/check'), given);

// Apps and their settings.

/** @type {() => Answer<'get_apps'>} */
export const apps = () => json('GET', admin('/apps'));
/** @type {(wanted: RequestBody<'post_apps'>) => Answer<'post_apps'>} */
export const createApp = (wanted) => json('POST', admin('/apps'), wanted);
/** @type {(app: number) => Answer<'get_apps_app'>} */
export const showApp = (number) => json('GET', app(number));
/** @type {(app: number, patch: RequestBody<'patch_apps_app'>) => Answer<'patch_apps_app'>} */
export const changeApp = (number, patch) => json('PATCH', app(number), patch);
/** @type {(app: number) => Answer<'get_apps_app_usage'>} */
export const usage = (number) => json('GET', app(number, '/usage'));
/** @type {(app: number) => Answer<'post_apps_app_keys'>} */
export const addKey = (number) => json('POST', app(number, '/keys'), {});
/** @type {(app: number, key: number) => Answer<'delete_apps_app_keys_key'>} */
export const revokeKey = (number, key) => json('DELETE', app(number, `/keys/${key}`));
/** @type {(app: number, user: string) => Answer<'put_apps_app_admins_user'>} */
export const addAdmin = (number, user) => json('PUT', app(number, `/admins/${segment(user)}`));
/** @type {(app: number, user: string) => Answer<'delete_apps_app_admins_user'>} */
export const removeAdmin = (number, user) => json('DELETE', app(number, `/admins/${segment(user)}`));
/** @type {(app: number, keyword: string, definition: RequestBody<'put_apps_app_fields_keyword'>) => Answer<'put_apps_app_fields_keyword'>} */
export const defineField = (number, keyword, definition) =>
  json('PUT', app(number, `/fields/${segment(keyword)}`), definition);
/** @type {(app: number, keyword: string) => Answer<'delete_apps_app_fields_keyword'>} */
export const retireField = (number, keyword) => json('DELETE', app(number, `/fields/${segment(keyword)}`));
/** @type {(app: number) => Promise<string>} */
export const words = async (number) => (await request('GET', app(number, '/words'))).text();
/** @type {(app: number, text: string) => Answer<'post_apps_app_words_test'>} */
export const testWords = (number, text) => json('POST', app(number, '/words/test'), { text });
/** @type {(app: number, text: string) => Answer<'put_apps_app_words'>} */
export const setWords = async (number, text) =>
  (await request('PUT', app(number, '/words'), { text, type: 'text/plain' })).json();

// Accounts.

/** @type {(app: number, filter: Query<'get_apps_app_accounts'>) => Answer<'get_apps_app_accounts'>} */
export const accounts = (number, filter) => json('GET', app(number, `/accounts${query(filter)}`));
/** @type {(app: number, user: string) => Answer<'get_apps_app_accounts_user'>} */
export const account = (number, user) => json('GET', app(number, `/accounts/${segment(user)}`));
/** @type {(app: number, user: string) => Answer<'put_apps_app_accounts_user'>} */
export const createAccount = (number, user) => json('PUT', app(number, `/accounts/${segment(user)}`));
/** @type {(app: number, user: string) => Answer<'delete_apps_app_accounts_user'>} */
export const deleteAccount = (number, user) => json('DELETE', app(number, `/accounts/${segment(user)}`));
/** JSON as text, so that no number is rounded. @type {(app: number, user: string, text: string) => Answer<'patch_apps_app_accounts_user_profile'>} */
export const changeProfile = async (number, user, text) =>
  parse(await (await request('PATCH', app(number, `/accounts/${segment(user)}/profile`), { text })).text());
/** @type {(app: number, filter: Query<'get_apps_app_export'>) => Answer<'get_apps_app_export'>} */
export const exportAccounts = (number, filter) => json('GET', app(number, `/export${query(filter)}`));
/** @type {(app: number, wanted: RequestBody<'post_apps_app_export_ticket'>) => Answer<'post_apps_app_export_ticket'>} */
export const exportTicket = (number, wanted) => json('POST', app(number, '/export-ticket'), wanted);
/** Where a browser downloads an export, once. @param {number} number @param {{ user?: string, ticket: string }} wanted */
export const exportAddress = (number, wanted) => BASE + app(number, `/export${query({ stream: true, ...wanted })}`);
/** @type {(app: number, text: any, how: Query<'post_apps_app_import'>) => Answer<'post_apps_app_import'>} */
export const importAccounts = async (number, text, how) =>
  (await request('POST', app(number, `/import${query(how)}`), { text, type: 'text/plain' })).json();

// Webhook.

/** @type {(app: number) => Answer<'get_apps_app_webhook'>} */
export const webhook = (number) => json('GET', app(number, '/webhook'));
/** @type {(app: number, wanted: RequestBody<'put_apps_app_webhook'>) => Answer<'put_apps_app_webhook'>} */
export const setWebhook = (number, wanted) => json('PUT', app(number, '/webhook'), wanted);
/** @type {(app: number) => Answer<'delete_apps_app_webhook'>} */
export const removeWebhook = (number) => json('DELETE', app(number, '/webhook'));
/** @type {(app: number) => Answer<'post_apps_app_webhook_test'>} */
export const testWebhook = (number) => json('POST', app(number, '/webhook/test'));
/** @type {(app: number, filter: Query<'get_apps_app_webhook_events'>) => Answer<'get_apps_app_webhook_events'>} */
export const webhookEvents = (number, filter) => json('GET', app(number, `/webhook/events${query(filter)}`));
/** @type {(app: number, choice: RequestBody<'post_apps_app_webhook_replay'>) => Answer<'post_apps_app_webhook_replay'>} */
export const replayEvents = (number, choice) => json('POST', app(number, '/webhook/replay'), choice);
/** @type {(app: number, choice: RequestBody<'post_apps_app_webhook_drop'>) => Answer<'post_apps_app_webhook_drop'>} */
export const dropEvents = (number, choice) => json('POST', app(number, '/webhook/drop'), choice);

// The server.

export const metrics = async () => (await request('GET', 'metrics')).text();
/** Resolves when the store can be written. */
export const ready = async () => (await request('GET', 'readyz')).text();
/** @type {() => Answer<'get_store'>} */
export const store = () => json('GET', admin('/store'));
/** @type {() => Answer<'get_series'>} */
export const series = () => json('GET', admin('/series'));
/** @type {() => Answer<'get_tokens'>} */
export const tokens = () => json('GET', admin('/tokens'));
/** @type {(wanted: RequestBody<'post_tokens'>) => Answer<'post_tokens'>} */
export const createToken = (wanted) => json('POST', admin('/tokens'), wanted);
/** @type {(name: string) => Answer<'delete_tokens_name'>} */
export const revokeToken = (name) => json('DELETE', admin(`/tokens/${segment(name)}`));
/** @type {(filter: Query<'get_audit'>) => Answer<'get_audit'>} */
export const audit = (filter) => json('GET', admin(`/audit${query(filter)}`));
/** Begins a backup. @type {(directory: string) => Answer<'post_backup', 202>} */
export const backup = (directory) => json('POST', admin(`/backup${query({ wait: false })}`), { directory });
/** @type {() => Answer<'get_jobs'>} */
export const jobs = () => json('GET', admin('/jobs'));

// The emulator.

/** @type {(filter: object) => Promise<RecordedCall[]>} */
export const requests = (filter) => json('GET', control(`/requests${query(filter)}`));
/** @type {(app: number | undefined) => Promise<{ removed: number }>} */
export const clearRequests = (number) => json('DELETE', control(`/requests${query({ app: number })}`));
/** @type {(app: number | undefined) => Promise<{ removed: number }>} */
export const clearInbox = (number) => json('DELETE', control(`/webhooks${query({ app: number })}`));
/** @type {() => Promise<ActiveFault[]>} */
/** @type {() => Promise<ActiveFault[]>} */
export const faults = () => json('GET', control('/faults'));
/** @type {(rule: FaultRule) => Promise<ActiveFault>} */
export const addFault = (rule) => json('POST', control('/faults'), rule);
export const removeFault = (/** @type {number} */ id) => json('DELETE', control(`/faults/${id}`));
export const clearFaults = (/** @type {number | undefined} */ number) => json('DELETE', control(`/faults${query({ app: number })}`));
/** @type {() => Promise<ClockView>} */
/** @type {() => Promise<ClockView>} */
export const clock = () => json('GET', control('/clock'));
/** @type {(change: ClockChange) => Promise<ClockView>} */
export const changeClock = (change) => json('PUT', control('/clock'), change);
export const releaseClock = () => json('DELETE', control('/clock'));
/** @type {(wanted: { app?: number, to: 'seed' | 'empty' }) => Promise<Omit<Snapshot, 'name'>>} */
export const reset = (wanted) => json('POST', control('/reset'), wanted);
/** @type {() => Promise<Snapshot[]>} */
/** @type {() => Promise<Snapshot[]>} */
export const snapshots = () => json('GET', control('/snapshots'));
/** @type {(name: string, scope: { app?: number }) => Promise<Snapshot>} */
export const saveSnapshot = (name, scope) => json('PUT', control(`/snapshots/${segment(name)}`), scope);
/** @type {(name: string) => Promise<Snapshot>} */
export const restoreSnapshot = (name) => json('POST', control(`/snapshots/${segment(name)}/restore`));
export const deleteSnapshot = (/** @type {string} */ name) => json('DELETE', control(`/snapshots/${segment(name)}`));
/** @type {() => Promise<number[]>} */
/** @type {() => Promise<number[]>} */
export const throwAwayApps = () => json('GET', control('/apps'));
/** @type {(wanted: { like?: number, empty?: boolean, webhook?: boolean }) => Promise<ThrowAwayApp>} */
export const makeThrowAwayApp = (wanted) => json('POST', control('/apps'), wanted);
export const deleteThrowAwayApp = (/** @type {number} */ number) => json('DELETE', control(`/apps/${number}`));
/** @type {() => Promise<Environment>} */
/** @type {() => Promise<Environment>} */
export const environment = () => json('GET', control('/environment'));
/** @param {object} filter @param {AbortSignal} abort */
export const live = (filter, abort) => request('GET', control(`/live${query(filter)}`), { signal: abort });
