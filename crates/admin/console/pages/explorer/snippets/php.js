// A call with PHP and its curl extension.

import { VARIABLE } from './call.js';

/** A string in single quotes, in which only the quote and the backslash are escaped. @param {string} text */
const phpText = (text) => `'${text.replace(/['\\]/g, '\\$&')}'`;

/** @type {import('./call.js').Snippet} */
export const php = {
  id: 'php',
  title: 'PHP',
  file: 'call.php',
  run: 'php call.php',
  write(call) {
    const usersig = call.usersig === null ? '' : `\n    'usersig' => ${call.environment ? `getenv('${VARIABLE}')` : phpText(call.usersig)},`;
    return `<?php
$query = http_build_query([
    'sdkappid' => ${call.app},
    'identifier' => ${phpText(call.identifier)},${usersig}
    'random' => random_int(0, 4294967295),
    'contenttype' => 'json',
]);
$body = ${phpText(call.body)};

$request = curl_init(${phpText(`${call.server}${call.path}?`)} . $query);
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
$answer = curl_exec($request);
if ($answer === false) {
    exit(curl_error($request) . PHP_EOL);
}
echo $answer, PHP_EOL;
`;
  },
};
