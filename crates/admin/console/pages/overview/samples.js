// What the overview shows, read again and again while it is open and visible.

import * as api from '../../api.js';
import { isDev } from '../../state.js';
import { calls } from '../../stream.js';
import { listen, onCleanup, signal, untracked } from '../../ui/dom.js';
import { sentence } from '../../ui/load.js';
import { Metrics, quantile } from './metrics.js';

const PAUSE_MS = 5000;
/** The second reading comes soon, so that there is a rate to show. */
const FIRST_PAUSE_MS = 1000;
/** More than the five minutes that the warnings look back. */
const KEPT_MAX = 72;
/** Accounts and readiness are asked for with every so-manyth reading: they cost a request each. */
const SELDOM = 6;

/**
 * @typedef {{
 *   at: number, metrics: Metrics | null, answers: Map<string, Map<number, number>>, changes: number, commits: number,
 *   accounts: number, ready: string | null, p99: number | null,
 * }} Sample `answers` counts by command and code; `ready` is null when the store can be written, else why not; times in seconds
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
      const seldom = count % SELDOM === 0 || !last ? await askSeldom(app) : last;
      const next = isDev() ? await readEmulator(app, last, seldom) : await readServer(last, seldom);
      // After a restart the counters begin at 0: what was before can't be compared.
      const restarted = last && next.changes < last.changes;
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

/** @typedef {Pick<Sample, 'accounts' | 'ready'> & { usage?: any }} Seldom */

/** @param {number} app @returns {Promise<Seldom>} */
async function askSeldom(app) {
  const ready = isDev() ? null : api.ready().then(() => null, sentence);
  const usage = app === 0 ? { accounts: 0, calls: {} } : api.usage(app);
  return { ready: await ready, accounts: (await usage).accounts, usage: await usage };
}

/** @param {Sample | undefined} last @param {Seldom} seldom @returns {Promise<Sample>} */
async function readServer(last, { accounts, ready }) {
  const metrics = new Metrics(await api.metrics());
  const answers = new Map();
  for (const { labels, value } of metrics.all('requests_total')) {
    answers.set(labels.command, (answers.get(labels.command) ?? new Map()).set(Number(labels.code), value));
  }
  const [before, after] = [last?.metrics?.buckets('request_seconds') ?? new Map(), metrics.buckets('request_seconds')];
  const p99 = last ? quantile(0.99, before, after) : null;
  const [changes, commits] = [metrics.sum('store_changes_total') ?? 0, metrics.sum('store_commits_total') ?? 0];
  return { at: Date.now(), metrics, answers, changes, commits, accounts, ready, p99 };
}

/**
 * An emulator has its metrics elsewhere; its calls are in the live stream.
 * @param {number} app
 * @param {Sample | undefined} last
 * @param {Seldom} seldom
 * @returns {Promise<Sample>}
 */
async function readEmulator(app, last, { accounts, ready }) {
  const at = Date.now();
  const [usage, { changes, commits }] = await Promise.all([app === 0 ? { accounts, calls: {} } : api.usage(app), api.store()]);
  const answers = new Map(Object.entries(usage.calls).map(([command, codes]) =>
    [command, new Map(Object.entries(/** @type {any} */ (codes)).map(([code, number]) => [Number(code), number]))]));
  const recent = calls.peek().filter((call) => last && call.app === app && call.at_ms > last.at);
  const times = recent.map(({ micros }) => micros / 1e6).sort((one, other) => one - other);
  const p99 = times[Math.ceil(0.99 * times.length) - 1] ?? null;
  return { at, metrics: null, answers, changes, commits, accounts: usage.accounts, ready, p99 };
}

/** How many answers there were, of all or of those that are not OK. @param {Sample} sample @param {boolean} [failed] */
export function answered({ answers }, failed = false) {
  let all = 0;
  for (const codes of answers.values()) for (const [code, number] of codes) if (!failed || code !== 0) all += number;
  return all;
}
