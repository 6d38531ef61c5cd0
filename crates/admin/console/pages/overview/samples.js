// What the overview shows, read again and again while it is open and visible: at most one request in five seconds.

import * as api from '../../api.js';
import { isDev } from '../../state.js';
import { listen, onCleanup, signal, untracked } from '../../ui/dom.js';
import { sentence } from '../../ui/load.js';
import { Metrics } from './metrics.js';

/** Two requests each time. */
const PAUSE_MS = 12_000;
/** The second reading comes sooner: a server that was just started has no past before that. */
const FIRST_PAUSE_MS = 6000;
/** More than the five minutes that the warnings look back. */
const KEPT_MAX = 30;
/** Accounts and readiness of a server are asked for with every so-manyth reading: they cost a request each. */
const SELDOM = 6;

/**
 * @typedef {{
 *   at_ms: number, calls: number, failed: number, p50: number | null, p99: number | null, changes: number, commits: number,
 *   webhook_waiting: number, webhook_parked: number,
 * }} Point figures of the whole server; counts since it started, times in seconds
 */
/** @typedef {{ fine: Point[], coarse: Point[] }} Past the last quarter of an hour in steps of 5 seconds, the last day in minutes */
/**
 * @typedef {{
 *   at: number, past: Past, metrics: Metrics | null, answers: Map<string, Map<number, number>>, accounts: number, ready: string | null,
 * }} Sample `answers` counts by command and code; `ready` is null when the store can be written, else why not
 */

/** Reads the figures until the page is left. @param {number} app */
export function startSampling(app) {
  const samples = signal(/** @type {Sample[]} */ ([]));
  const failed = signal(/** @type {unknown} */ (undefined));
  let [running, count] = [false, 0];
  const take = async () => {
    if (running || document.hidden) return;
    running = true;
    try {
      const last = samples.peek().at(-1);
      const read = isDev() ? readEmulator(app) : readServer(app, count % SELDOM === 0 ? undefined : last);
      const [past, figures] = await Promise.all([api.series(), read]);
      const next = { at: Date.now(), past, ...figures };
      // After a restart the counters begin at 0: what was before can't be compared.
      const restarted = last && answered(next) < answered(last);
      samples.value = [...(restarted ? [] : samples.peek()), next].slice(-KEPT_MAX);
      failed.value = undefined;
      count += 1;
    } catch (error) {
      failed.value = error;
    } finally {
      running = false;
    }
  };
  untracked(() => void take());
  const [first, timer] = [setTimeout(take, FIRST_PAUSE_MS), setInterval(take, PAUSE_MS)];
  onCleanup(() => {
    clearTimeout(first);
    clearInterval(timer);
  });
  listen(document, 'visibilitychange', take);
  return { samples, failed };
}

/** @typedef {Omit<Sample, 'at' | 'past'>} Figures */

/** An app's accounts, and its answers by command and code. @param {number} app @returns {Promise<any>} */
const usageOf = async (app) => (app === 0 ? { accounts: 0, calls: {} } : api.usage(app));

/** @param {number} app @param {Sample | undefined} last whose accounts and readiness stay; undefined to ask for them @returns {Promise<Figures>} */
async function readServer(app, last) {
  const seldom = async () => {
    const [ready, { accounts }] = await Promise.all([api.ready().then(() => null, sentence), usageOf(app)]);
    return { ready, accounts };
  };
  const [{ ready, accounts }, text] = await Promise.all([last ?? seldom(), api.metrics()]);
  const metrics = new Metrics(text);
  const answers = new Map();
  for (const { labels, value } of metrics.all('requests_total')) {
    answers.set(labels.command, (answers.get(labels.command) ?? new Map()).set(Number(labels.code), value));
  }
  return { metrics, answers, accounts, ready };
}

/** An emulator has its metrics elsewhere. @param {number} app @returns {Promise<Figures>} */
async function readEmulator(app) {
  const usage = await usageOf(app);
  const answers = new Map(Object.entries(usage.calls).map(([command, codes]) =>
    [command, new Map(Object.entries(/** @type {any} */ (codes)).map(([code, number]) => [Number(code), number]))]));
  return { metrics: null, answers, accounts: usage.accounts, ready: null };
}

/** How many answers there were, of all or of those that are not OK. @param {Sample} sample @param {boolean} [failed] */
export function answered({ answers }, failed = false) {
  let all = 0;
  for (const codes of answers.values()) for (const [code, number] of codes) if (!failed || code !== 0) all += number;
  return all;
}
