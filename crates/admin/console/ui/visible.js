// Ids and nicknames as they are. Invisible letters, and letters that turn the direction of writing, are shown by their
// numbers: two ids that look alike are then not taken for each other.

import { h } from './dom.js';

/** A joiner that does not stand in an emoji. */
const JOINER = /(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D/u;
/** Control and format characters, and fillers that are drawn as nothing. */
const LETTER = /(?!\u200D)[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\u2800\u3164\u115F\u1160\uFFA0]/u;
/** White space, but a single space between two words. */
const SPACE = /[^\S ]|(?<=^| ) | (?=$)/u;
const HIDDEN = new RegExp(`(${JOINER.source}|${LETTER.source}|${SPACE.source})`, 'u');

/** @param {string} text */
export function visible(text) {
  const parts = text.split(HIDDEN).map((part, index) => (index % 2 === 0 ? part : h('span', { class: 'hidden-letter' }, numberOf(part))));
  return h('bdi', {}, parts);
}

/** @param {string} letter */
function numberOf(letter) {
  return `U+${/** @type {number} */ (letter.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
}
