// A call with Node.js 18 or later.

import { INVISIBLE, VARIABLE, unicodeEscape } from './call.js';

/** A string in single quotes. @param {string} text */
const nodeText = (text) => `'${text.replace(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replace(INVISIBLE, unicodeEscape)}'`;

/** A template literal, which may have several lines. @param {string} text */
const template = (text) => `\`${text.replace(/[\x60\\]|\$(?=\{)/g, '\\$&').replace(INVISIBLE, unicodeEscape)}\``;

/** @type {import('./call.js').Snippet} */
export const node = {
  id: 'node',
  title: 'Node.js',
  file: 'call.mjs',
  run: 'node call.mjs',
  write(call) {
    const usersig = call.usersig === null ? '' : `\n  usersig: ${call.environment ? `process.env.${VARIABLE}` : nodeText(call.usersig)},`;
    return `const query = new URLSearchParams({
  sdkappid: ${nodeText(String(call.app))},
  identifier: ${nodeText(call.identifier)},${usersig}
  random: String(Math.floor(Math.random() * 2 ** 32)),
  contenttype: 'json',
});
const body = ${template(call.body)};

const answer = await fetch(${nodeText(`${call.server}${call.path}?`)} + query, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body,
});
console.log(await answer.text());
`;
  },
};
