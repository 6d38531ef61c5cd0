// The import that is under way. It goes on while other pages of the console are open; where it stopped is remembered for
// this tab, so that it continues after a reload when the same file is chosen again.

import * as api from '../../api.js';
import { sentence } from '../../ui/load.js';
import { signal } from '../../ui/dom.js';
import { t } from '../../i18n/language.js';
import { nextBatch, RowTooLong, textStart } from './batches.js';
import { accountLine, columns, isHeader } from './csv.js';

const KEPT = 'portraitd.import';
/** As many refused rows in succession mean that it is the wrong file, the wrong app, or that a field is missing. */
const REFUSED_IN_SUCCESSION_MAX = 1000;
/** The most refused rows that are remembered over a reload. */
const REFUSED_KEPT_MAX = 5000;
const PREVIEW_ROWS = 4;

/** @typedef {{ line: number, reason: string, start: number, end: number }} Refused a row that was refused, by its place in the file */
/**
 * @typedef {{
 *   app: number, store: string, name: string, size: number, modified: number, csv: boolean, tell: boolean,
 *   at: number, line: number, imported: number, refusedCount: number, refused: Refused[],
 * }} Progress what is remembered
 * @typedef {Progress & {
 *   state: 'running' | 'paused' | 'wrong' | 'failed' | 'done', error: string, rate: number, check: boolean, created: number, changed: number,
 * }} Job `check`: nothing is stored, and `created` and `changed` are what an import would do
 */

/** The import of this tab. @type {{ value: Job | null, peek: () => Job | null }} */
export const job = signal(null);
/** @type {{ file: File, start: number, columns: import('./csv.js').Column[] } | null} */
let source = null;
let running = false;
/** How many rows were refused since the last one that was not, and how many of them the user let pass. */
let [inSuccession, allowed] = [0, REFUSED_IN_SUCCESSION_MAX];

addEventListener('beforeunload', (event) => {
  if (running && !job.peek()?.check) event.preventDefault();
});

/** What an import before a reload left. @returns {Progress | null} */
export function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
  } catch {
    return null;
  }
}

export const forget = () => sessionStorage.removeItem(KEPT);

/** The file that an import has, for the rows that it refused. */
export const file = () => source?.file ?? null;

/**
 * What a file is. Throws a sentence when it can't be imported.
 * @param {File} file @param {{ tag: string, type: string }[]} fields
 */
export async function inspect(file, fields) {
  const start = await textStart(file);
  if (file.size <= start) throw new Error(t('transfer.emptyFile'));
  const first = await nextBatch(file, start, 1, false, PREVIEW_ROWS).catch(() => null);
  if (!first) throw new Error(t('transfer.unreadable'));
  const rows = first.rows.map((row) => text(first, row));
  const csv = isHeader(rows[0]) || /\.csv$/i.test(file.name);
  return { csv, start, rows, columns: csv ? columns(rows[0], fields) : [] };
}

/**
 * @param {{
 *   app: number, file: File, csv: boolean, columns: import('./csv.js').Column[], start: number, tell: boolean, from?: Progress | null,
 *   check?: boolean,
 * }} wanted
 */
export async function begin({ app, file, csv, columns, start, tell, from, check = false }) {
  source = { file, start, columns };
  [inSuccession, allowed] = [0, REFUSED_IN_SUCCESSION_MAX];
  const fresh = {
    app,
    store: '',
    name: file.name,
    size: file.size,
    modified: file.lastModified,
    csv,
    tell,
    at: start,
    line: 1,
    imported: 0,
    refusedCount: 0,
    refused: [],
  };
  job.value = { ...(from ?? fresh), state: 'running', error: '', rate: 0, check, created: 0, changed: 0 };
  await resume();
}

/** Imports the file that was checked. */
export function importChecked() {
  const now = job.peek();
  if (source && now) void begin({ ...source, app: now.app, csv: now.csv, tell: now.tell });
}

export const pause = () => change({ state: 'paused' });

/** Goes on with an import that was paused, or that failed. */
export async function resume() {
  if (!source || !job.peek()) return;
  if (job.peek()?.state === 'wrong') allowed = Infinity;
  change({ state: 'running', error: '' });
  if (running) return; // the part that is on its way is followed by the next
  running = true;
  try {
    // The store's id is of one that was not replaced since the first part.
    if (job.peek()?.store === '') change({ store: (await api.store()).id });
    await run();
  } catch (error) {
    change({ state: 'failed', error: error instanceof RowTooLong ? t('transfer.rowTooLong', { line: error.line }) : sentence(error) });
  } finally {
    running = false;
  }
}

async function run() {
  const began = { at: job.peek()?.at ?? 0, time: performance.now() };
  for (let now = job.peek(); now?.state === 'running'; now = job.peek()) {
    const { file, columns } = /** @type {NonNullable<typeof source>} */ (source);
    const batch = await nextBatch(file, now.at, now.line, now.csv);
    if (!batch) {
      if (!now.check) forget();
      change({ state: 'done' });
      return;
    }
    const { imported, refused, created, changed } = await (now.csv
      ? sendCsv(now, batch, columns)
      : send(now, batch.bytes, batch.rows, batch));
    refused.sort((one, other) => one.line - other.line);
    const seconds = (performance.now() - began.time) / 1000;
    change({
      at: batch.end, line: batch.line, imported: now.imported + imported,
      refusedCount: now.refusedCount + refused.length, refused: [...now.refused, ...refused],
      created: now.created + created, changed: now.changed + changed,
      rate: (batch.end - began.at) / Math.max(seconds, 0.001),
    });
    if (!now.check) remember();
    if (isWrong(batch, refused) && job.peek()?.state === 'running') change({ state: 'wrong' });
  }
}

/** @param {Partial<Job>} changed */
function change(changed) {
  job.value = /** @type {Job} */ ({ ...job.peek(), ...changed });
}

function remember() {
  const { state, error, rate, check, created, changed, refused, ...progress } = /** @type {Job} */ (job.peek());
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ ...progress, refused: refused.slice(0, REFUSED_KEPT_MAX) }));
  } catch {
    // No room: the import itself is not touched.
  }
}

/** Whether too many rows were refused in succession. @param {import('./batches.js').Batch} batch @param {Refused[]} refused */
function isWrong(batch, refused) {
  const lines = new Set(refused.map(({ line }) => line));
  const stored = batch.rows.findLastIndex(({ line, start, end }) => end > start && !lines.has(line));
  inSuccession = stored < 0 ? inSuccession + refused.length : batch.rows.length - 1 - stored;
  return inSuccession >= allowed;
}

/** @param {import('./batches.js').Batch} batch @param {import('./batches.js').Row} row */
function text(batch, row) {
  return new TextDecoder().decode(batch.bytes.subarray(row.start, row.end));
}

/**
 * Sends rows. They go out as the file has them, byte for byte: what is not UTF-8 is for the server to refuse.
 * @param {Job} job
 * @param {Uint8Array | string} body
 * @param {import('./batches.js').Row[]} rows one for each line of the body
 * @param {{ begin: number }} batch
 * @returns {Promise<{ imported: number, refused: Refused[], created: number, changed: number }>}
 */
async function send(job, body, rows, batch) {
  const answer = await api.importAccounts(job.app, body, { store: job.store, tell: job.tell || undefined, check: job.check || undefined });
  return {
    imported: answer.imported,
    created: answer.created ?? 0,
    changed: answer.changed ?? 0,
    refused: answer.refused.map(({ line, reason }) => refusal(batch, rows[line - 1], reason)),
  };
}

/** @param {{ begin: number }} batch @param {import('./batches.js').Row} row @param {string} reason @returns {Refused} */
function refusal({ begin }, { start, end, line }, reason) {
  return { line, reason, start: begin + start, end: begin + end };
}

/** @param {Job} job @param {import('./batches.js').Batch} batch @param {import('./csv.js').Column[]} columns */
async function sendCsv(job, batch, columns) {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const refused = /** @type {Refused[]} */ ([]);
  const [lines, rows] = [/** @type {string[]} */ ([]), /** @type {import('./batches.js').Row[]} */ ([])];
  for (const row of batch.rows) {
    if (row.line === 1 || row.end === row.start) continue; // the header, or nothing
    try {
      lines.push(accountLine(utf8.decode(batch.bytes.subarray(row.start, row.end)), columns));
      rows.push(row);
    } catch (error) {
      refused.push(refusal(batch, row, error instanceof TypeError ? t('transfer.notUtf8') : sentence(error)));
    }
  }
  const nothing = { imported: 0, refused: [], created: 0, changed: 0 };
  const sent = lines.length === 0 ? nothing : await send(job, lines.join('\n'), rows, batch);
  return { ...sent, refused: [...refused, ...sent.refused] };
}

/** The refused rows with their texts, as `portraitd import` writes them. @param {Refused[]} refused @param {Blob} file */
export async function refusedFile(refused, file) {
  const parts = [];
  for (const { line, reason, start, end } of refused) {
    parts.push(`${JSON.stringify({ line, reason, text: await file.slice(start, end).text() })}\n`);
  }
  return new Blob(parts, { type: 'application/x-ndjson' });
}
