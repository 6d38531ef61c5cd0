// JSON that loses no number: 18446744073709551615 comes out as it went in. JavaScript's own numbers end at 2^53.

/** A token of JSON: a string, a number, a word or a sign. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[a-zA-Z]+|[{}[\]:,]/gu;
/** A part of JSON that is valid by itself, or the space between two. */
const PART = /[ \t\n\r]+|"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\]:,]/y;
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
    return { line: text.slice(0, wrongPlace(text)).split('\n').length, message: /** @type {Error} */ (error).message };
  }
}

/**
 * The place of the first part that can't stand where it does. Parsers name it for some mistakes only: for a comma too many at
 * the end of a list they do not.
 * @param {string} text
 */
function wrongPlace(text) {
  /** The brackets that will close what is open. @type {string[]} */
  const open = [];
  let wanted = 'value';
  PART.lastIndex = 0;
  for (let at = 0; ; at = PART.lastIndex) {
    const part = PART.exec(text)?.[0].trim();
    const close = open.at(-1);
    if (part === undefined) return at;
    if (part === '') continue;
    if (part === close && ['first', 'next'].includes(wanted)) {
      open.pop();
      wanted = 'next';
    } else if (wanted === 'next') {
      if (part !== ',' || !close) return at;
      wanted = close === '}' ? 'key' : 'value';
    } else if (wanted === 'colon') {
      if (part !== ':') return at;
      wanted = 'value';
    } else if (wanted === 'key' || (wanted === 'first' && close === '}')) {
      if (!part.startsWith('"')) return at;
      wanted = 'colon';
    } else if (part === '{' || part === '[') {
      open.push(part === '{' ? '}' : ']');
      wanted = 'first';
    } else {
      if (',:}]'.includes(part)) return at;
      wanted = 'next';
    }
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

/** A body of a call or an answer as text: JSON laid out over lines, anything else as it came. @param {any} body */
export function bodyText(body) {
  return typeof body === 'string' ? body : stringify(body);
}
