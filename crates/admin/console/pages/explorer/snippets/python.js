// A call with Python 3 and its standard library.

import { INVISIBLE, VARIABLE, quoted, unicodeEscape } from './call.js';

/** A string in three quotes, which may have several lines. Quotes are escaped where they would end it. @param {string} text */
const triple = (text) =>
  `"""${text.replaceAll('\\', '\\\\').replace(/""(?=")|"$/g, (part) => part.replaceAll('"', '\\"')).replace(INVISIBLE, unicodeEscape)}"""`;

/** @type {import('./call.js').Snippet} */
export const python = {
  id: 'python',
  title: 'Python',
  file: 'call.py',
  run: 'python3 call.py',
  write(call) {
    const reads = call.usersig !== null && call.environment;
    const usersig = call.usersig === null ? '' : `\n    "usersig": ${reads ? `os.environ["${VARIABLE}"]` : quoted(call.usersig)},`;
    return `${reads ? 'import os\n' : ''}import random
import urllib.parse
import urllib.request

query = urllib.parse.urlencode({
    "sdkappid": ${call.app},
    "identifier": ${quoted(call.identifier)},${usersig}
    "random": random.getrandbits(32),
    "contenttype": "json",
})
body = ${triple(call.body)}

request = urllib.request.Request(
    ${quoted(`${call.server}${call.path}?`)} + query,
    data=body.encode("utf-8"),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.read().decode("utf-8"))
`;
  },
};
