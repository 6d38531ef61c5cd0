// What the overview shows, and its warnings: read again and again while it is open and visible, at most one request in five
// seconds.

import * as api from '../../api.js';
import { isDev } from '../../state.js';
import { listen, onCleanup, signal, untracked } from '../../ui/dom.js';
import { bytes, count, duration } from '../../ui/format.js';
import { sentence } from '../../ui/page.js';
import { t } from '../../i18n/language.js';

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
/** @typedef {{ node?: string | null, fine: Point[], coarse: Point[] }} Past of a node; the last quarter of an hour in steps of 5 seconds, the last day in minutes */
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

// The metrics of `GET /metrics`, in the OpenMetrics text format.

/** @typedef {{ labels: Record<string, string>, value: number }} Labelled */

/** The figures of one reading. */
class Metrics {
  /** @param {string} text */
  constructor(text) {
    /** @type {Map<string, Labelled[]>} */
    this.points = new Map();
    for (const line of text.split('\n')) {
      const found = /^([a-zA-Z_]\w*)(?:\{(.*)\})? (\S+)/.exec(line);
      if (!found) continue;
      const [, name, labels, value] = found;
      const point = { labels: readLabels(labels ?? ''), value: value === '+Inf' ? Infinity : Number(value) };
      const points = this.points.get(name);
      if (points) points.push(point);
      else this.points.set(name, [point]);
    }
  }

  /** The points of a metric whose labels are these. @param {string} name @param {Record<string, string>} [wanted] */
  all(name, wanted = {}) {
    const points = this.points.get(`portraitd_${name}`) ?? [];
    return points.filter(({ labels }) => Object.entries(wanted).every(([label, value]) => labels[label] === value));
  }

  /** Their sum; undefined when there is none. @param {string} name @param {Record<string, string>} [wanted] */
  sum(name, wanted) {
    const points = this.all(name, wanted);
    return points.length === 0 ? undefined : points.reduce((sum, { value }) => sum + value, 0);
  }

  /** The greatest; undefined when there is none. @param {string} name @param {Record<string, string>} [wanted] */
  max(name, wanted) {
    const points = this.all(name, wanted);
    return points.length === 0 ? undefined : Math.max(...points.map(({ value }) => value));
  }
}

/** @param {string} text */
function readLabels(text) {
  const found = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(found.map(([, name, value]) => [
    name,
    value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter)),
  ]));
}

// What is wrong with the server, as far as a browser can judge it: conditions of the column `alert` in docs/METRICS.md.

const WINDOW_MS = 5 * 60 * 1000;
const DAY_S = 86_400;
/** Codes that mean that the server failed, not the caller. */
const SERVER_CODES = [40006, 60008, 70500];

/** @typedef {{ kind: 'bad' | 'warn', text: string, page?: string, app?: number }} Warning */

/** @param {Sample[]} samples @returns {Warning[]} the worst first */
export function warnings(samples) {
  const last = samples.at(-1);
  if (!last) return [];
  const found = /** @type {Warning[]} */ ([]);
  /** @type {(holds: unknown, kind: 'bad' | 'warn', text: string, where?: Partial<Warning>) => void} */
  const add = (holds, kind, text, where = {}) => {
    if (holds) found.push({ kind, text, ...where });
  };
  const first = samples.find(({ at }) => at >= last.at - WINDOW_MS) ?? last;
  add(last.ready !== null, 'bad', t('overview.warn.notReady', { reason: last.ready }));
  const [all, failed] = [gained(first, last, () => true), gained(first, last, (code) => SERVER_CODES.includes(code))];
  add(failed > 0.01 * all, 'bad', t('overview.warn.codes', { failed: count(failed), all: count(all) }));
  const slowest = Math.max(0, ...last.past.fine.slice(-12).map(({ p99 }) => p99 ?? 0));
  add(slowest > 0.25, 'warn', t('overview.warn.slow', { ms: count(slowest * 1000) }));
  const now = last.metrics;
  if (!now) return found;

  const grown = (/** @type {string} */ name) => (now.sum(name) ?? 0) - (first.metrics?.sum(name) ?? 0);
  const [free, kept] = [now.sum('store_disk_free_bytes') ?? 0, now.sum('store_disk_kept_bytes') ?? 0];
  const disk = { free: bytes(free), kept: bytes(kept) };
  add((now.sum('store_files_changed') ?? 0) > 0, 'bad', t('overview.warn.files'));
  add(kept > 0 && free < kept, 'bad', t('overview.warn.diskFull', disk));
  add(kept > 0 && free >= kept && free < 4 * kept, 'warn', t('overview.warn.disk', disk));
  add(grown('store_failed_commits_total') > 0, 'bad', t('overview.warn.commits', { n: count(grown('store_failed_commits_total')) }));
  const log = now.sum('store_log_bytes') ?? 0;
  add(log > 1.5e9, 'warn', t('overview.warn.log', { size: bytes(log) }));
  const waiting = now.sum('store_waiting') ?? 0;
  add(waiting > 2000, 'warn', t('overview.warn.waiting', { n: count(waiting) }));
  const connections = now.sum('connections', { listener: 'public' }) ?? 0;
  add(connections > 8000, 'warn', t('overview.warn.connections', { n: count(connections) }));
  add(grown('connections_refused_total') > 0, 'warn', t('overview.warn.refused', { n: count(grown('connections_refused_total')) }));
  add(grown('tls_reload_errors_total') > 0, 'bad', t('overview.warn.reload'));
  for (const { labels, value } of now.all('tls_certificate_ends_timestamp_seconds')) {
    const left = value - last.at / 1000;
    add(
      left < 14 * DAY_S,
      left < 0 ? 'bad' : 'warn',
      t(
        left < 0 ? 'overview.warn.certificateOver' : 'overview.warn.certificate',
        { listener: labels.listener, time: duration(left * 1000) },
      ),
    );
  }
  const backlog = now.sum('webhook_backlog_bytes') ?? 0;
  add(backlog > 0.5 * (now.sum('webhook_backlog_bytes_max') ?? Infinity), 'bad', t('overview.warn.backlog', { size: bytes(backlog) }));
  add(grown('webhook_dropped_total') > 0, 'bad', t('overview.warn.dropped', { n: count(grown('webhook_dropped_total')) }));
  /** @type {(name: string, limit: number, text: (app: string, value: number) => string, labels?: Record<string, string>) => void} */
  const each = (name, limit, text, labels = {}) => {
    for (const point of now.all(name, labels)) add(
      point.value > limit,
      'warn',
      text(point.labels.sdkappid, point.value),
      { page: 'webhook', app: Number(point.labels.sdkappid) },
    );
  };
  each('webhook_receiver_down_seconds', 300, (app, value) => t('overview.warn.down', { app, time: duration(value * 1000) }));
  each('webhook_oldest_waiting_seconds', 600, (app, value) => t('overview.warn.oldest', { app, time: duration(value * 1000) }));
  each('webhook_events', 0, (app, value) => t('overview.warn.parked', { app, n: count(value) }), { state: 'parked' });
  return found.sort((one, other) => Number(other.kind === 'bad') - Number(one.kind === 'bad'));
}

/**
 * How many answers with such codes came between two samples.
 * @param {Sample} first
 * @param {Sample} last
 * @param {(code: number) => boolean} wanted
 */
function gained(first, last, wanted) {
  let sum = 0;
  for (const [command, codes] of last.answers) {
    for (const [code, number] of codes) if (wanted(code)) sum += number - (first.answers.get(command)?.get(code) ?? 0);
  }
  return sum;
}
