// The import that is under way. It goes on while other pages of the console are open; where it stopped is remembered for
// this tab, so that it continues after a reload when the same file is chosen again. The file is read in parts.

import * as api from '../../api.js';
import { signal } from '../../ui/dom.js';
import { sentence } from '../../ui/page.js';
import { t } from '../../i18n/language.js';

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
/** `header`: of a CSV file, with its line break. @typedef {{ file: File, start: number, header: Uint8Array<ArrayBuffer> }} Source */
/** @type {Source | null} */
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
 * @param {File} file
 */
export async function inspect(file) {
  const start = await textStart(file);
  if (file.size <= start) throw new Error(t('transfer.emptyFile'));
  const first = await nextBatch(file, start, 1, false, PREVIEW_ROWS).catch(() => null);
  if (!first) throw new Error(t('transfer.unreadable'));
  const rows = first.rows.map((row) => text(first, row));
  const csv = /^[^{]*\bUserID\b/.test(rows[0]) || /\.csv$/i.test(file.name);
  // Every part of a CSV file needs the names of the columns.
  if (csv && rows[0] === '') throw new Error(t('transfer.unreadable'));
  return { csv, start, rows, header: first.bytes.slice(0, first.rows[1]?.start) };
}

/**
 * @param {{
 *   app: number, file: File, csv: boolean, header: Source['header'], start: number, tell: boolean, from?: Progress | null,
 *   check?: boolean,
 * }} wanted
 */
export async function begin({ app, file, csv, header, start, tell, from, check = false }) {
  source = { file, start, header };
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
    const batch = await nextBatch(/** @type {Source} */ (source).file, now.at, now.line, now.csv);
    if (!batch) {
      if (!now.check) forget();
      change({ state: 'done' });
      return;
    }
    const { imported, refused, created, changed } = await send(now, batch);
    const seconds = (performance.now() - began.time) / 1000;
    change({
      at: batch.end, line: batch.line, imported: now.imported + imported,
      refusedCount: now.refusedCount + refused.length, refused: [...now.refused, ...refused],
      created: now.created + (created ?? 0), changed: now.changed + (changed ?? 0),
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

/** Whether too many rows were refused in succession. @param {Batch} batch @param {Refused[]} refused */
function isWrong(batch, refused) {
  const lines = new Set(refused.map(({ line }) => line));
  const stored = batch.rows.findLastIndex(({ line, start, end }) => end > start && !lines.has(line));
  inSuccession = stored < 0 ? inSuccession + refused.length : batch.rows.length - 1 - stored;
  return inSuccession >= allowed;
}

/** @param {Batch} batch @param {Row} row */
function text(batch, row) {
  return new TextDecoder().decode(batch.bytes.subarray(row.start, row.end));
}

/**
 * Sends rows. They go out as the file has them, byte for byte, each part of a CSV file behind the file's header: what can't be
 * read is for the server to refuse.
 * @param {Job} job @param {Batch} batch
 */
async function send({ app, csv, store, tell, check }, batch) {
  const { start, header } = /** @type {Source} */ (source);
  const added = csv && batch.begin > start;
  const how = { store, tell: tell || undefined, check: check || undefined };
  const answer = await api.importAccounts(app, new Blob(added ? [header, batch.bytes] : [batch.bytes]), csv, how);
  const before = batch.rows[0].line - (added ? 2 : 1);
  const refused = answer.refused.map(({ line, reason }) => {
    const row = batch.rows.findLast((row) => row.line <= before + line) ?? batch.rows[0];
    return { line: row.line, reason, start: batch.begin + row.start, end: batch.begin + row.end };
  });
  return { ...answer, refused };
}

/** The refused rows with their texts, as `portraitd import` writes them. @param {Refused[]} refused @param {Blob} file */
export async function refusedFile(refused, file) {
  const parts = [];
  for (const { line, reason, start, end } of refused) {
    parts.push(`${JSON.stringify({ line, reason, text: await file.slice(start, end).text() })}\n`);
  }
  return new Blob(parts, { type: 'application/x-ndjson' });
}

// A file, read in parts of at most 1,000 rows, so that a file of any size takes little memory.

/** The most rows of one request. */
const ROWS_MAX = 1000;
/** The most bytes of one request, and of one row. */
const BYTES_MAX = 4 * 1024 * 1024;
const [COMMA, LINE_FEED, RETURN, QUOTE] = [44, 10, 13, 34];

/**
 * A row: its place in the part, and the line of the file that it begins on, counted from 1.
 * @typedef {{ start: number, end: number, line: number }} Row
 * A part of the file, with the place and the line that the next one begins at.
 * @typedef {{ bytes: Uint8Array<ArrayBuffer>, rows: Row[], begin: number, end: number, line: number }} Batch
 */

/**
 * The next part of a file; null at its end.
 * @param {Blob} file
 * @param {number} begin
 * @param {number} line
 * @param {boolean} csv whether a row may hold line breaks in quotes
 * @param {number} [rowsMax]
 * @returns {Promise<Batch | null>}
 */
async function nextBatch(file, begin, line, csv, rowsMax = ROWS_MAX) {
  if (begin >= file.size) return null;
  const bytes = new Uint8Array(await file.slice(begin, begin + BYTES_MAX).arrayBuffer());
  const isEnd = begin + bytes.length >= file.size;
  /** @type {Row[]} */
  const rows = [];
  let [start, quoted, lines] = [0, false, 0];
  for (let at = 0; at < bytes.length && rows.length < rowsMax; at += 1) {
    const byte = bytes[at];
    // A quote in the middle of a cell is a letter, as for other readers of CSV.
    if (csv && byte === QUOTE) quoted = quoted ? false : at === start || [COMMA, QUOTE].includes(bytes[at - 1]);
    if (byte !== LINE_FEED) continue;
    lines += 1;
    if (quoted) continue;
    rows.push({ start, end: at > start && bytes[at - 1] === RETURN ? at - 1 : at, line });
    start = at + 1;
    line += lines;
    lines = 0;
  }
  if (rows.length < rowsMax && isEnd && start < bytes.length) {
    rows.push({ start, end: bytes.length, line });
    [start, line] = [bytes.length, line + lines + 1];
  }
  if (rows.length === 0) throw new RowTooLong(line);
  return { bytes: bytes.subarray(0, start), rows, begin, end: begin + start, line };
}

/** A row that is longer than a request may be. */
class RowTooLong extends Error {
  /** @param {number} line */
  constructor(line) {
    super();
    this.line = line;
  }
}

/** Where the text of a file begins: behind the mark that some editors put first. @param {Blob} file */
async function textStart(file) {
  const first = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf ? 3 : 0;
}
