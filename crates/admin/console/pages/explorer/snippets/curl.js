// A call with curl, for sh, bash and zsh.

import { VARIABLE, encode, urlStart } from './call.js';

/** A word in single quotes, in which nothing has a meaning but their end. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @type {import('./call.js').Snippet} */
export default {
  id: 'curl',
  title: 'curl',
  file: 'call.sh',
  run: 'sh call.sh',
  write(call) {
    const start = `${urlStart(call)}&random=99999999`;
    const url =
      call.usersig === null ? quoted(start)
      : call.environment ? `${quoted(`${start}&usersig=`)}"$${VARIABLE}"`
      : quoted(`${start}&usersig=${encode(call.usersig)}`);
    return `curl -sS -X POST \\
  ${url} \\
  -H 'Content-Type: application/json' \\
  --data-raw ${quoted(call.body)}
`;
  },
};
