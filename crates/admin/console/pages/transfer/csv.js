// CSV, turned into the lines that the server takes. The rules are those of `portraitd import`.

import { t } from '../../i18n/language.js';

const STANDARD = 'Tag_Profile_IM_';
const CUSTOM = 'Tag_Profile_Custom_';

/** @typedef {{ tag: string, number: boolean } | null} Column null is the UserID */

/** The cells of a row. @param {string} text */
export function cells(text) {
  const found = [];
  for (let at = 0; at <= text.length; at += 1) {
    let cell = '';
    if (text[at] === '"') {
      for (at += 1; at < text.length; at += 1) {
        if (text[at] !== '"') cell += text[at];
        else if (text[at + 1] === '"') cell += text[(at += 1)];
        else break;
      }
      at += 1;
    }
    const end = text.indexOf(',', at);
    cell += text.slice(at, end < 0 ? undefined : end);
    found.push(cell);
    if (end < 0) break;
    at = end;
  }
  return found;
}

/** Whether a first line is the header of a CSV file. @param {string} line */
export const isHeader = (line) => !line.startsWith('{') && cells(line).some((name) => name.trim() === 'UserID');

/**
 * The columns that a header names: whole tags, or short names such as `Nick`. Throws a sentence for people.
 * @param {string} header @param {{ tag: string, type: string }[]} fields of the app @returns {Column[]}
 */
export function columns(header, fields) {
  const found = cells(header).map((cell) => {
    const name = cell.trim();
    if (name === 'UserID') return null;
    const field = fields.find(({ tag }) => [name, STANDARD + name, CUSTOM + name].includes(tag));
    if (!field) throw new Error(t('transfer.noField', { name }));
    return { tag: field.tag, number: field.type.startsWith('uint') };
  });
  const tags = found.map((column) => column?.tag ?? 'UserID');
  const twice = tags.find((tag, index) => tags.indexOf(tag) !== index);
  if (twice !== undefined) throw new Error(t('transfer.twice', { name: twice }));
  if (!found.includes(null)) throw new Error(t('transfer.noUserId'));
  return found;
}

/** The line of an account. Throws a sentence for people. @param {string} row @param {Column[]} columns */
export function accountLine(row, columns) {
  const found = cells(row);
  if (found.length !== columns.length) throw new Error(t('transfer.cells', { found: found.length, wanted: columns.length }));
  let user = '';
  const items = [];
  for (const [index, column] of columns.entries()) {
    const cell = found[index];
    if (column === null) user = cell;
    // An empty cell sets nothing.
    else if (cell !== '') items.push(`{"Tag":${JSON.stringify(column.tag)},"Value":${value(cell, column)}}`);
  }
  return `{"UserID":${JSON.stringify(user)},"ProfileItem":[${items.join(',')}]}`;
}

/** @param {string} cell @param {{ tag: string, number: boolean }} column */
function value(cell, { tag, number }) {
  if (!number) return JSON.stringify(cell);
  // As it stands, so that no digit is lost.
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(cell.trim())) return cell.trim();
  throw new Error(t('transfer.notNumber', { tag, value: cell }));
}
