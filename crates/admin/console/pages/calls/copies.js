// A recorded call as commands for a shell.

import * as api from '../../api.js';
import { bodyText } from '../../ui/stream_list.js';

/** A word that a shell takes as it is. @param {string | number} word */
export function quoted(word) {
  const text = String(word);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The call with curl; its UserSig was never recorded, so it comes from the environment. @param {RecordedCall} call */
export async function asCurl(call) {
  const { url } = await api.environment();
  const members = { sdkappid: call.app, identifier: call.identifier, random: 1, contenttype: 'json' };
  const query = Object.entries(members).flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeURIComponent(value)}`])).join('&');
  return [
    `curl -X ${quoted(call.method)}`,
    `${quoted(`${url}${call.path}?${query}&usersig=`)}"$PORTRAITD_USERSIG"`,
    `-H 'Content-Type: application/json'`,
    call.body === null ? `--data ''` : `--data-binary ${quoted(bodyText(call.body))}`,
  ].join(' \\\n  ');
}

/** Succeeds when such a call was made, or is made within five seconds. @param {RecordedCall} call */
export async function asAssertion(call) {
  const { url } = await api.environment();
  const filter = [
    ...(call.app === null ? [] : ['--app', call.app]),
    ...(call.command === null ? [] : ['--command', call.command]),
    ...(call.users.length === 0 ? [] : ['--user', call.users[0]]),
    ...(call.code === null ? [] : ['--code', call.code]),
  ];
  // A user id may start with a hyphen.
  const words = filter.flatMap((word, place) => (place % 2 === 0 ? [`${word}=${quoted(filter[place + 1])}`] : []));
  return `test -n "$(portraitd emulator --url ${quoted(url)} requests ${words.join(' ')} --count 1 --wait-ms 5000)"`;
}
