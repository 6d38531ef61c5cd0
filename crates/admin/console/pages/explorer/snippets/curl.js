// A call with curl, for sh, bash and zsh.

import { VARIABLE, encode, urlStart } from './call.js';

/** A word in single quotes, in which nothing has a meaning but their end. @param {string} text */
const shellWord = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @type {import('./call.js').Snippet} */
export const curl = {
  id: 'curl',
  title: 'curl',
  file: 'call.sh',
  run: 'sh call.sh',
  write(call) {
    const start = `${urlStart(call)}&random=99999999`;
    const url =
      call.usersig === null ? shellWord(start)
      : call.environment ? `${shellWord(`${start}&usersig=`)}"$${VARIABLE}"`
      : shellWord(`${start}&usersig=${encode(call.usersig)}`);
    return `curl -sS -X POST \\
  ${url} \\
  -H 'Content-Type: application/json' \\
  --data-raw ${shellWord(call.body)}
`;
  },
};
