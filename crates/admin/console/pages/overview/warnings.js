// What is wrong with the server, as far as a browser can judge it: conditions of the column `alert` in docs/METRICS.md.

import { bytes, count, duration } from '../../ui/numbers.js';
import { t } from '../../i18n/language.js';

const WINDOW_MS = 5 * 60 * 1000;
const DAY_S = 86_400;
/** Codes that mean that the server failed, not the caller. */
const SERVER_CODES = [40006, 60008, 70500];

/** @typedef {import('./samples.js').Sample} Sample */
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
