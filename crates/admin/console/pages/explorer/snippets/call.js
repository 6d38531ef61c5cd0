// The call that a snippet makes, and what the snippets share. Pure functions, without the page: tests run them in Node.

/**
 * @typedef {object} SnippetCall
 * @property {string} server where the server is, such as `http://127.0.0.1:8080`, without a slash at its end
 * @property {string} path such as `/v4/profile/portrait_set`
 * @property {number} app
 * @property {string} identifier
 * @property {string | null} usersig the text of it; null for a call without one
 * @property {boolean} environment whether the program reads the UserSig from PORTRAITD_USERSIG
 * @property {string} body
 */

/**
 * @typedef {object} Snippet
 * @property {string} id
 * @property {string} title the language's name
 * @property {string} file what the program is saved as
 * @property {string} run the command that runs it
 * @property {(call: SnippetCall) => string} write
 */

/** The name of the environment variable, as `portraitd env` sets it. */
export const VARIABLE = 'PORTRAITD_USERSIG';

/** Percent-encodes more than the URL needs: no sign that is left means anything to a shell. @param {string} text */
export function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The URL up to the value of `random`, which is left to the program, or up to the UserSig. @param {SnippetCall} call */
export function urlStart(call) {
  return `${call.server}${call.path}?sdkappid=${call.app}&identifier=${encode(call.identifier)}&contenttype=json`;
}

/**
 * A character as `\uXXXX`, which Java, Go, JavaScript and Python read alike. One beyond U+FFFF becomes two, which Java and
 * JavaScript alone put together again.
 * @param {string} text
 */
export function unicodeEscape(text) {
  return Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
}

/** Control characters but the line feed, and marks that change how source text is read or shown. */
export const INVISIBLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text in double quotes, as Go and Python read it. @param {string} text */
export const quoted = (text) =>
  `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replace(INVISIBLE, unicodeEscape)}"`;
