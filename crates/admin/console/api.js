// The admin API and the control API, one function for each operation. Nothing else in the console makes requests, but the
// live stream.

import { parse } from './ui/json.js';
import { signal } from './ui/dom.js';
import { language, t } from './i18n/language.js';

/** The path that a proxy serves portraitd below, with a final slash. */
export const BASE = new URL('..', location.href.split('#')[0]).pathname;
const SESSION = 'portraitd.session';

/** The caller that is signed in; null before that is known, and after signing out. */
export const session = signal(/** @type {{ who: string, role: string, mode: string, version: string, without_token: boolean, node?: { number: number, name: string, live: number, database_host: string } } | null} */ (null));
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

/** @param {Record<string, any>} parameters */
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
tabs.onmessage = ({ data }) => {
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

export const reference = () => json('GET', admin('/reference'));
export const codePage = (/** @type {number} */ code) => json('GET', admin(`/reference/codes/${code}`));
export const tryCall = (/** @type {number} */ number, /** @type {any} */ call) => json('POST', app(number, '/try'), call);
export const makeUserSig = (/** @type {number} */ number, /** @type {any} */ wanted) => json('POST', app(number, '/usersig'), wanted);
export const checkUserSig = (/** @type {number} */ number, /** @type {any} */ given) => json('POST', app(number, '/usersig/check'), given);

// Apps and their settings.

export const apps = () => json('GET', admin('/apps'));
export const createApp = (/** @type {any} */ wanted) => json('POST', admin('/apps'), wanted);
export const showApp = (/** @type {number} */ number) => json('GET', app(number));
export const changeApp = (/** @type {number} */ number, /** @type {any} */ patch) => json('PATCH', app(number), patch);
export const usage = (/** @type {number} */ number) => json('GET', app(number, '/usage'));
export const addKey = (/** @type {number} */ number) => json('POST', app(number, '/keys'), {});
export const revokeKey = (/** @type {number} */ number, /** @type {number} */ key) => json('DELETE', app(number, `/keys/${key}`));
export const addAdmin = (/** @type {number} */ number, /** @type {string} */ user) => json('PUT', app(number, `/admins/${segment(user)}`));
export const removeAdmin = (/** @type {number} */ number, /** @type {string} */ user) => json('DELETE', app(number, `/admins/${segment(user)}`));
export const defineField = (/** @type {number} */ number, /** @type {string} */ keyword, /** @type {any} */ definition) =>
  json('PUT', app(number, `/fields/${segment(keyword)}`), definition);
export const retireField = (/** @type {number} */ number, /** @type {string} */ keyword) => json('DELETE', app(number, `/fields/${segment(keyword)}`));
export const words = async (/** @type {number} */ number) => (await request('GET', app(number, '/words'))).text();
export const testWords = (/** @type {number} */ number, /** @type {string} */ text) => json('POST', app(number, '/words/test'), { text });
export const setWords = async (/** @type {number} */ number, /** @type {string} */ text) =>
  (await request('PUT', app(number, '/words'), { text, type: 'text/plain' })).json();

// Accounts.

export const accounts = (/** @type {number} */ number, /** @type {Record<string, any>} */ filter) => json('GET', app(number, `/accounts${query(filter)}`));
export const account = (/** @type {number} */ number, /** @type {string} */ user) => json('GET', app(number, `/accounts/${segment(user)}`));
export const createAccount = (/** @type {number} */ number, /** @type {string} */ user) => json('PUT', app(number, `/accounts/${segment(user)}`));
export const deleteAccount = (/** @type {number} */ number, /** @type {string} */ user) => json('DELETE', app(number, `/accounts/${segment(user)}`));
/** @param {number} number @param {string} user @param {string} text JSON as text, so that no number is rounded */
export const changeProfile = async (number, user, text) =>
  parse(await (await request('PATCH', app(number, `/accounts/${segment(user)}/profile`), { text })).text());
export const exportAccounts = (/** @type {number} */ number, /** @type {Record<string, any>} */ filter) => json('GET', app(number, `/export${query(filter)}`));
export const importAccounts = async (/** @type {number} */ number, /** @type {any} */ text, /** @type {Record<string, any>} */ how) =>
  (await request('POST', app(number, `/import${query(how)}`), { text, type: 'text/plain' })).json();

// Webhook.

export const webhook = (/** @type {number} */ number) => json('GET', app(number, '/webhook'));
export const setWebhook = (/** @type {number} */ number, /** @type {any} */ wanted) => json('PUT', app(number, '/webhook'), wanted);
export const removeWebhook = (/** @type {number} */ number) => json('DELETE', app(number, '/webhook'));
export const testWebhook = (/** @type {number} */ number) => json('POST', app(number, '/webhook/test'));
export const webhookEvents = (/** @type {number} */ number, /** @type {Record<string, any>} */ filter) => json('GET', app(number, `/webhook/events${query(filter)}`));
export const replayEvents = (/** @type {number} */ number, /** @type {any} */ choice) => json('POST', app(number, '/webhook/replay'), choice);
export const dropEvents = (/** @type {number} */ number, /** @type {any} */ choice) => json('POST', app(number, '/webhook/drop'), choice);

// The server.

export const metrics = async () => (await request('GET', 'metrics')).text();
/** Resolves when the store can be written. */
export const ready = async () => (await request('GET', 'readyz')).text();
export const store = () => json('GET', admin('/store'));
export const series = () => json('GET', admin('/series'));
export const tokens = () => json('GET', admin('/tokens'));
export const createToken = (/** @type {any} */ wanted) => json('POST', admin('/tokens'), wanted);
export const revokeToken = (/** @type {string} */ name) => json('DELETE', admin(`/tokens/${segment(name)}`));
export const audit = (/** @type {Record<string, any>} */ filter) => json('GET', admin(`/audit${query(filter)}`));
export const backup = (/** @type {string} */ directory) => json('POST', admin('/backup'), { directory });

// The emulator.

export const requests = (/** @type {Record<string, any>} */ filter) => json('GET', control(`/requests${query(filter)}`));
export const clearRequests = (/** @type {number} */ number) => json('DELETE', control(`/requests${query({ app: number })}`));
export const clearInbox = (/** @type {number} */ number) => json('DELETE', control(`/webhooks${query({ app: number })}`));
export const faults = () => json('GET', control('/faults'));
export const addFault = (/** @type {any} */ rule) => json('POST', control('/faults'), rule);
export const removeFault = (/** @type {number} */ id) => json('DELETE', control(`/faults/${id}`));
export const clearFaults = (/** @type {number} */ number) => json('DELETE', control(`/faults${query({ app: number })}`));
export const clock = () => json('GET', control('/clock'));
export const changeClock = (/** @type {any} */ change) => json('PUT', control('/clock'), change);
export const releaseClock = () => json('DELETE', control('/clock'));
export const reset = (/** @type {any} */ wanted) => json('POST', control('/reset'), wanted);
export const snapshots = () => json('GET', control('/snapshots'));
export const saveSnapshot = (/** @type {string} */ name, /** @type {any} */ scope) => json('PUT', control(`/snapshots/${segment(name)}`), scope);
export const restoreSnapshot = (/** @type {string} */ name) => json('POST', control(`/snapshots/${segment(name)}/restore`));
export const deleteSnapshot = (/** @type {string} */ name) => json('DELETE', control(`/snapshots/${segment(name)}`));
export const throwAwayApps = () => json('GET', control('/apps'));
export const makeThrowAwayApp = (/** @type {any} */ wanted) => json('POST', control('/apps'), wanted);
export const deleteThrowAwayApp = (/** @type {number} */ number) => json('DELETE', control(`/apps/${number}`));
export const environment = () => json('GET', control('/environment'));
/** @param {Record<string, any>} filter @param {AbortSignal} abort */
export const live = (filter, abort) => request('GET', control(`/live${query(filter)}`), { signal: abort });
