// JSON that loses no number: 18446744073709551615 comes out as it went in. JavaScript's own numbers end at 2^53.

/** A token of JSON: a string, a number, a word or a sign. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[a-zA-Z]+|[{}[\]:,]/gu;
/**
 * How a number that JavaScript would round is marked on its way through the parser. Random, because a nickname could begin
 * with any mark that is known.
 */
const MARK = `number:${crypto.getRandomValues(new Uint32Array(4)).join('-')}:`;

/** A number that JavaScript would write in another way: `1.0` comes out as it went in. */
class NumberText {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * Reads JSON; a whole number beyond 2^53 becomes a BigInt. `verbatim` keeps every other number's form as well, for bodies
 * that are only shown.
 * @param {string} text
 * @returns {any}
 */
export function parse(text, verbatim = false) {
  if (!(verbatim ? /\d{16}|\d[.eE]|-0/ : /\d{16}/).test(text)) return JSON.parse(text);
  const kept = (/** @type {string} */ token) => isRounded(token) || (verbatim && /^-?\d/.test(token) && String(Number(token)) !== token);
  const exact = text.replace(TOKEN, (token) => (kept(token) ? JSON.stringify(MARK + token) : token));
  return JSON.parse(exact, (_, value) => {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
    const number = value.slice(MARK.length);
    return isRounded(number) ? BigInt(number) : new NumberText(number);
  });
}

/** Reads JSON; returns undefined for anything else. @param {string} text @returns {any} */
export function tryParse(text) {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** @param {string} token */
function isRounded(token) {
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}

/** Writes JSON, with two spaces a level. @param {any} value @returns {string} */
export function stringify(value, indent = '') {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof NumberText) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const deeper = `${indent}  `;
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((one) => stringify(one, deeper))]
    : ['{', '}', Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${stringify(one, deeper)}`)];
  return parts.length === 0 ? open + close : `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
}

/** Lays JSON out over lines; anything else stays as it is. @param {string} text */
export function pretty(text) {
  const value = tryParse(text);
  return value === undefined ? text : stringify(value);
}

/**
 * Where a text stops being JSON: its line, counted from 1, and what the parser says. Null when it is JSON.
 * @param {string} text
 * @returns {{ line: number, message: string } | null}
 */
export function problem(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const message = /** @type {Error} */ (error).message;
    const at = /position (\d+)/.exec(message);
    const line = /line (\d+)/.exec(message);
    if (line) return { line: Number(line[1]), message };
    const before = at ? text.slice(0, Number(at[1])) : text;
    return { line: before.split('\n').length, message };
  }
}

/**
 * The tokens of a text with their kinds, for colours. What lies between them is there too, without a kind.
 * @param {string} text
 * @returns {{ text: string, kind: string }[]}
 */
export function tokens(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index), kind: '' });
    end = match.index + match[0].length;
    found.push({ text: match[0], kind: kindOf(match[0], text.slice(end)) });
  }
  if (end < text.length) found.push({ text: text.slice(end), kind: '' });
  return found;
}

/** @param {string} token @param {string} rest */
function kindOf(token, rest) {
  if (token.startsWith('"')) return /^\s*:/.test(rest.slice(0, 20)) ? 'key' : 'string';
  if (/^[-\d]/.test(token)) return 'number';
  return /^[a-z]/.test(token) ? 'word' : '';
}
