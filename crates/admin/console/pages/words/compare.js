// Two lists of words compared, by the server's rules: a line is a word, without the white space at its ends.

/** What the server takes for white space; `trim()` takes one letter more. */
const ENDS = /^\p{White_Space}+|\p{White_Space}+$/gu;

/** @typedef {{ words: number, added: string[], removed: string[], blank: number, duplicate: number }} Comparison */

/** @param {string} before @param {string} after @returns {Comparison} */
export function compare(before, after) {
  const old = read(before);
  const now = before === after ? old : read(after);
  return {
    words: now.words.size,
    added: [...now.words].filter((word) => !old.words.has(word)),
    removed: [...old.words].filter((word) => !now.words.has(word)),
    blank: now.blank,
    duplicate: now.duplicate,
  };
}

/** @param {string} text */
function read(text) {
  const words = new Set();
  let [blank, duplicate] = [0, 0];
  const lines = text.replace(/^\uFEFF+/, '').split('\n');
  // What follows the last line break is a line only when it holds something.
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const word = line.replace(ENDS, '');
    if (word === '') blank += 1;
    else if (words.has(word)) duplicate += 1;
    else words.add(word);
  }
  return { words, blank, duplicate };
}
