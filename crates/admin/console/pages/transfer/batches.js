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
 * @typedef {{ bytes: Uint8Array, rows: Row[], begin: number, end: number, line: number }} Batch
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
export async function nextBatch(file, begin, line, csv, rowsMax = ROWS_MAX) {
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
export class RowTooLong extends Error {
  /** @param {number} line */
  constructor(line) {
    super();
    this.line = line;
  }
}

/** Where the text of a file begins: behind the mark that some editors put first. @param {Blob} file */
export async function textStart(file) {
  const first = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf ? 3 : 0;
}
